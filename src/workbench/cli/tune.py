"""``kedro tune estimate|status|cancel|down``: what a client has tuned at a service, its cost, and how to stop it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry, client_of_env
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.hosted.overview import Thing

__all__ = ["tune"]


def _clients(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    names = [f"clients/{client}" for client in ClientRegistry(project_of(ctx)).ids()]
    return [name for name in names if name.startswith(incomplete)]


def _deployments(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    client = client_of_env(ctx.params.get("env"))
    if client is None:
        return []
    from workbench.hosted.ledger import book_of

    rows = book_of(project_of(ctx), client).resources()
    return [row.name for row in rows if row.kind == "deployment" and row.name.startswith(incomplete)]


env_option = click.option(
    "--env", "-e", "env", required=True, shell_complete=_clients, help="The client: clients/<id>."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group(cls=ExplainedGroup)
def tune() -> None:
    """Language models that a service tunes; `kedro run --pipeline tune` does the tuning."""


@tune.command()
@env_option
@as_json
@click.pass_context
def estimate(ctx: click.Context, *, env: str, as_json: bool) -> None:
    """Check the client's examples, and say what tuning with them will cost; nothing is sent.

    Example: kedro tune estimate --env clients/clinic --json
    """
    from kedro.framework.session import KedroSession

    from workbench.secrets.redaction import guarded

    project, client = _whose(ctx, env)
    made: Any = KedroSession.create(project_path=project, env=env)
    with guarded(), made as session:
        session.run(pipeline_names=["tune"], to_nodes=["estimate_tuning"])
    record = json.loads((project / f"data/{client}/08_reporting/tune_estimate.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps(record, indent=2))
    elif not record["hosted"]:
        click.echo("The tuning happens on this machine, and costs nothing.")
    else:
        click.echo(
            f"{record['examples']} examples, {record['tokens']:,} tokens by {record['counted_by']}, "
            f"{record['epochs']} epochs of {record['model']}"
        )
        for part in ("training", "evaluation", "hosting", "total"):
            click.echo(f"{part:<11}{record[part]:>10.2f} {record['currency']}")


@tune.command()
@env_option
@as_json
@click.pass_context
def status(ctx: click.Context, *, env: str, as_json: bool) -> None:
    """Show files, jobs and deployments that tunings of the client have made, as the service has them now.

    Example: kedro tune status --env clients/clinic
    """
    from workbench.hosted.overview import look

    things = look(*_whose(ctx, env))
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in things], indent=2))
    elif not things:
        click.echo("Nothing was made at a service.")
    else:
        _print(things)


@tune.command()
@env_option
@dry_run
@as_json
@click.pass_context
def cancel(ctx: click.Context, *, env: str, dry_run: bool, as_json: bool) -> None:
    """Stop the client's jobs that run; what was trained until now may be billed.

    Example: kedro tune cancel --env clients/clinic --dry-run
    """
    from workbench.hosted import overview

    project, client = _whose(ctx, env)
    found = overview.running(overview.look(project, client))
    if not dry_run:
        overview.cancel(project, client, found)
    if as_json:
        click.echo(json.dumps({"cancelled": [one.remote for one in found], "dry_run": dry_run}))
        return
    for one in found:
        click.echo(f"{'would cancel' if dry_run else 'cancelled'} {one.remote} ({one.detail})")
    if not found:
        click.echo("No job runs.")


@tune.command()
@click.argument("deployment", required=False, shell_complete=_deployments)
@click.option("--all", "everything", is_flag=True, help="All deployments, running jobs and uploaded files instead.")
@env_option
@dry_run
@as_json
@click.pass_context
def down(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context, /, deployment: str | None, env: str, everything: bool, dry_run: bool, as_json: bool
) -> None:
    """Take a deployment down that a tuning brought up; the tuned model stays at the service, and costs nothing there.

    Example: kedro tune down clinic-tune-0a1b2c3d --env clients/clinic
    """
    from workbench.hosted import overview

    project, client = _whose(ctx, env)
    if everything == (deployment is not None):
        raise ConfigurationError("what is to be taken down?", hint="name one deployment, or give `--all`")
    found = overview.look(project, client) if everything else []
    names = [one.name for one in found] if everything else [str(deployment)]
    if dry_run:
        gone = []
    elif everything:
        overview.clear(project, client, found)
        gone = names
    else:
        gone = [name for name in names if overview.take_down(project, client, name)]
    if as_json:
        click.echo(json.dumps({"down": gone, "named": names, "dry_run": dry_run}))
        return
    if deployment is not None:
        said = "would be taken down" if dry_run else "was taken down" if gone else "was not there any more"
        click.echo(f"deployment {deployment} {said}")
    for one in found:
        click.echo(_end_of(one, is_running=one in overview.running(found), dry_run=dry_run))
    if not names:
        click.echo("Nothing was made at a service.")


def _end_of(one: Thing, *, is_running: bool, dry_run: bool) -> str:
    """What became of a thing, or would, in a sentence: a job that has ended can't be taken down."""
    is_job = one.kind == "tuning_job"
    if is_job and not is_running:
        return f"job {one.remote or one.name} {one.status or 'was never made'}: nothing of it costs any more"
    done = "cancelled" if is_job else "taken down" if one.kind == "deployment" else "removed"
    name = one.remote if is_job else one.name
    return f"{'job' if is_job else one.kind} {name} {'would be' if dry_run else 'was'} {done}"


def _whose(ctx: click.Context, env: str) -> tuple[Path, str]:
    project = project_of(ctx)
    client = client_of_env(env)
    if client is None:
        raise ConfigurationError("a tuning is a client's", hint="give `--env clients/<client>`")
    ClientRegistry(project).load(client)
    return project, client


def _print(things: list[Thing]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "ledger", "at the service", "id", "model", box=None, header_style="bold")
    for one in things:
        table.add_row(one.kind, one.name, one.state, one.status or "—", one.remote or "—", one.detail or "—")
    Console(width=160, soft_wrap=True).print(table)
