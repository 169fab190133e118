"""``kedro fleet run|status|log``: many clients at once, and what became of every run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.errors import ConfigurationError

__all__ = ["fleet"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.group(cls=ExplainedGroup)
def fleet() -> None:
    """Run pipelines for many clients, each in a process of its own, and see what became of them."""


@fleet.command("run")
@click.option(
    "--pipeline", default="__default__", show_default=True, help="A pipeline, or several: a,b. Each client in order."
)
@click.option("--clients", default="all", show_default=True, help="all, or a comma-separated list.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Processes at once.  [default: up to 4]")
@click.option("--continue-on-error", is_flag=True, help="After a failure, start the other clients' runs all the same.")
@click.option("--dry-run", is_flag=True, help="Print the plan and run nothing.")
@as_json
@click.pass_context
def run(
    ctx: click.Context,
    pipeline: str,
    clients: str,
    workers: int | None,
    *,
    continue_on_error: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run a pipeline for many clients; the exit code is 0 if every run succeeded.

    The client that took longest the last time begins first. Ctrl-C asks the workers to end, a second one kills them.

    Example: kedro fleet run --pipeline train --clients skyways,clinic --workers 2
    """
    from kedro.framework.project import pipelines

    from workbench.clients import ClientRegistry
    from workbench.fleet import table
    from workbench.fleet.environment import cpus
    from workbench.fleet.ledger import Ledger
    from workbench.fleet.plan import chosen_clients, chosen_pipelines, plan
    from workbench.fleet.runner import Fleet
    from workbench.fleet.view import view_for
    from workbench.kernels.process import shared_zygote

    project = project_of(ctx)
    chosen = chosen_clients(ClientRegistry(project), clients)
    cells = plan(chosen, chosen_pipelines(pipelines.keys(), pipeline), Ledger.of(project).durations())
    if dry_run:
        click.echo(json.dumps([cell.to_dict() for cell in cells], indent=2) if as_json else table.of_cells(cells))
        return
    fleet_run = Fleet(
        project,
        cells,
        workers=min(workers or min(4, cpus()), len(chosen)),
        continue_on_error=continue_on_error,
        view=view_for(sys.stderr, len(cells)),
    )
    with shared_zygote():  # for the kernels of all reports
        result = fleet_run.run()
    runs = result.runs
    click.echo(json.dumps([one.to_dict() for one in runs], indent=2) if as_json else table.of_runs(runs, when=False))
    ctx.exit(result.exit_code)


@fleet.command("status")
@as_json
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show the last run of every client and pipeline.

    Example: kedro fleet status --json
    """
    from workbench.fleet.ledger import Ledger

    runs = Ledger.of(project_of(ctx)).last()
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in runs], indent=2))
        return
    if not runs:
        click.echo("No run yet. Next: kedro fleet run, or kedro run --env clients/<client>")
        return
    from workbench.fleet import table

    click.echo(table.of_runs(runs, when=True))


@fleet.command("log")
@click.argument("client")
@click.pass_context
def log(ctx: click.Context, client: str) -> None:
    """Print what the last fleet run of a client had to say.

    Example: kedro fleet log skyways
    """
    project = project_of(ctx)
    path = _log_of(project, client)
    click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)


def _log_of(project: Path, client: str) -> Path:
    from workbench.clients import ClientRegistry
    from workbench.fleet.child import log_of
    from workbench.fleet.ledger import Ledger

    ClientRegistry(project).folder(client)
    logs = (log_of(project, one.number) for one in Ledger.of(project).history(client))
    found = next((path for path in logs if path.is_file()), None)
    if found is None:
        raise ConfigurationError(
            "no run of the fleet left a log",
            where=f"client {client}",
            hint=f"`kedro fleet run --clients {client}`; a plain `kedro run` prints its log to the terminal",
        )
    return found
