"""``kedro fleet history|diff|rerun``: runs of the past, how two of them differ, and one of them again."""

from __future__ import annotations

import json

import click

from workbench.cli.explain import project_of

__all__ = ["diff", "history", "rerun"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.command("history")
@click.argument("client")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="So many of the newest runs.")
@as_json
@click.pass_context
def history(ctx: click.Context, client: str, limit: int, *, as_json: bool) -> None:
    """Show a client's runs, newest first, with their numbers.

    Example: kedro fleet history skyways --limit 5
    """
    from workbench.clients import ClientRegistry
    from workbench.fleet import table
    from workbench.fleet.ledger import Ledger

    project = project_of(ctx)
    ClientRegistry(project).folder(client)
    runs = Ledger.of(project).history(client, limit)
    click.echo(json.dumps([one.to_dict() for one in runs], indent=2) if as_json else table.of_history(runs))


@click.command("diff")
@click.argument("before", type=int)
@click.argument("after", type=int)
@as_json
@click.pass_context
def diff(ctx: click.Context, before: int, after: int, *, as_json: bool) -> None:
    """Show what two runs do not share: code, configuration, data, metrics. Numbers are those of `history`.

    Example: kedro fleet diff 12 15
    """
    from workbench.fleet import table
    from workbench.fleet.proof import differences, proof_of

    project = project_of(ctx)
    found = differences(project, proof_of(project, before), proof_of(project, after))
    click.echo(json.dumps([one.to_dict() for one in found], indent=2) if as_json else table.of_differences(found))


@click.command("rerun")
@click.argument("number", type=int)
@click.option("--keep", is_flag=True, help="Leave the folder in which it was run.")
@click.option("--dry-run", is_flag=True, help="Print what would be run, and run nothing.")
@as_json
@click.pass_context
def rerun(ctx: click.Context, number: int, *, keep: bool, dry_run: bool, as_json: bool) -> None:
    """Run a run of the past again, with its code, parameters and data, beside the project; compare what comes of it.

    The exit code is 0 if every dataset is the same, byte by byte. Registry, predictions and reports are left out: they
    depend on who is champion, and on the day.

    Example: kedro fleet rerun 12
    """
    from workbench.fleet import table
    from workbench.fleet.again import prepare, run_again

    project = project_of(ctx)
    plan = prepare(project, number)
    if dry_run:
        click.echo(json.dumps(plan.to_dict(), indent=2) if as_json else table.of_rerun(plan))
        return
    found = run_again(project, plan, keep=keep)
    click.echo(json.dumps([one.to_dict() for one in found], indent=2) if as_json else table.of_comparison(found))
    ctx.exit(0 if found and all(one.is_same for one in found) else 1)
