"""``kedro fleet run|resume|status|log|…``: many clients at once, and what became of every run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.audit import audit
from workbench.cli.explain import ExplainedGroup, enter_stage, project_of
from workbench.cli.fleet_export import export
from workbench.cli.fleet_runs import diff, history, rerun
from workbench.cli.fleet_ui import ui
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.fleet.limits import Limits
    from workbench.fleet.plan import Cell

__all__ = ["fleet"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class _Duration(click.ParamType):  # type: ignore[type-arg]
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        from workbench.fleet.limits import seconds_of

        try:
            seconds = float(seconds_of(value))
        except ValueError:
            seconds = 0.0
        if seconds <= 0:
            self.fail(f"{str(value)[:40]!r} is no time; write 90s, 30m or 2h", param, ctx)
        return seconds


DURATION = _Duration()


@click.group(cls=ExplainedGroup)
def fleet() -> None:
    """Run pipelines for many clients, each in a process of its own, and see what became of them."""


for command in (audit, diff, export, history, rerun, ui):
    fleet.add_command(command)


@fleet.command("run")
@click.option(
    "--pipeline", default="__default__", show_default=True, help="A pipeline, or several: a,b in order, a+b as one run."
)
@click.option("--clients", default="all", show_default=True, help="all, or a comma-separated list.")
@click.option("--ring", default=None, help="Only clients whose client.yml says so; `all` once the others' runs held.")
@click.option("--marked", is_flag=True, help="Only clients whose champion is marked to be trained again.")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Clients at work at once.  [default: up to 4]"
)
@click.option("--stage", default=None, help="dev, staging or prod: whose layers count.  [env: WORKBENCH_STAGE]")
@click.option("--continue-on-error", is_flag=True, help="After a failure, start the other clients' runs all the same.")
@click.option("--force", is_flag=True, help="Run also the nodes for which nothing has changed.")
@click.option(
    "--max-failures", type=click.IntRange(1), default=None, help="Start nothing new after so many.  [default: 1]"
)
@click.option(
    "--timeout", type=DURATION, default=None, help="What one run may take: 90s, 30m, 2h.  [default: fleet.yml]"
)
@click.option("--budget", type=DURATION, default=None, help="Start nothing new after so long.")
@click.option("--cold", is_flag=True, help="Start a new Python for each run, and fork none from a warm one.")
@click.option("--dry-run", is_flag=True, help="Print the plan and run nothing.")
@click.option("--explain", is_flag=True, help="Print what each node would do, and why, and run nothing.")
@as_json
@click.pass_context
def run(
    ctx: click.Context,
    pipeline: str,
    clients: str,
    ring: str | None,
    workers: int | None,
    *,
    marked: bool,
    stage: str | None,
    continue_on_error: bool,
    force: bool,
    max_failures: int | None,
    timeout: float | None,
    budget: float | None,
    cold: bool,
    dry_run: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Run a pipeline for many clients; the exit code is 0 if every run succeeded.

    Nodes whose code, parameters and inputs are those of the last time are skipped. The client that took longest the
    last time begins first. Ctrl-C asks the workers to end, a second one kills them. `monitor` and an erasure mark
    champions for --marked.

    Example: kedro fleet run --pipeline train --clients skyways,clinic --workers 2
    """
    from kedro.framework.project import pipelines

    from workbench.clients import ClientRegistry
    from workbench.fleet import table
    from workbench.fleet.environment import cpus
    from workbench.fleet.ledger import Ledger
    from workbench.fleet.plan import chosen_clients, chosen_pipelines, plan
    from workbench.fleet.rings import EVERYBODY, clients_of, refuse_unless_held

    enter_stage(stage)
    project = project_of(ctx)
    chosen = chosen_clients(ClientRegistry(project), clients)
    names = chosen_pipelines(pipelines.keys(), pipeline)
    if ring is not None:
        chosen = clients_of(ClientRegistry(project), chosen, ring)
        if ring == EVERYBODY:
            refuse_unless_held(project, names)
    if marked and not (chosen := _marked(project, chosen)):
        click.echo("[]" if as_json else "No champion of these clients is marked to be trained again: nothing to run.")
        return
    cells = plan(chosen, names, Ledger.of(project).durations())
    at_once = min(workers or min(4, cpus()), len(chosen))
    if explain:
        from workbench.fleet.foresee import foresee

        found = foresee(project, cells, workers=at_once, force=force)
        click.echo(json.dumps([one.to_dict() for one in found], indent=2) if as_json else table.of_foreseen(found))
    elif dry_run:
        click.echo(json.dumps([cell.to_dict() for cell in cells], indent=2) if as_json else table.of_cells(cells))
    else:
        _run(
            ctx,
            project,
            cells,
            as_json=as_json,
            workers=at_once,
            max_failures=None if continue_on_error else max_failures or 1,
            limits=_limits(project, chosen, timeout),
            budget=budget,
            force=force,
            cold=cold,
        )


def _marked(project: Path, chosen: Sequence[str]) -> list[str]:
    """Those that are marked; why is said beside the table, and not in it."""
    from workbench.registry.retraining import marked

    found = marked(project, chosen)
    for client, why in found.items():
        click.echo(f"{client}: {why}", err=True)
    return list(found)


def _run(ctx: click.Context, project: Path, cells: Sequence[Cell], *, as_json: bool, **options: Any) -> None:
    from workbench.fleet import table
    from workbench.fleet.runner import Fleet
    from workbench.fleet.view import view_for
    from workbench.kernels.preload import FOR_REPORTS
    from workbench.kernels.process import shared_zygote

    fleet_run = Fleet(
        project,
        cells,
        view=view_for(sys.stderr, len(cells), cells),
        **options,
    )
    with shared_zygote(FOR_REPORTS) as kernels:
        if is_long(cells, workers=options["workers"], force=options.get("force", False)):
            kernels.wake()  # while the zygote of the workers imports, too
        result = fleet_run.run()
    runs = result.runs
    click.echo(json.dumps([one.to_dict() for one in runs], indent=2) if as_json else table.of_runs(runs, when=False))
    ctx.exit(result.exit_code)


def is_long(cells: Sequence[Cell], *, workers: int, force: bool) -> bool:
    """Whether reports will surely be rendered; in a short run, all that there is to do may have been done before."""
    renders = [cell for cell in cells if {"report", "__default__"} & set(cell.pipeline.split("+"))]
    return bool(renders) and (force or len(renders) > workers)


@fleet.command("resume")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Clients at work at once.  [default: up to 4]"
)
@click.option("--continue-on-error", is_flag=True, help="After a failure, start the other clients' runs all the same.")
@click.option("--dry-run", is_flag=True, help="Print the plan and run nothing.")
@as_json
@click.pass_context
def resume(ctx: click.Context, workers: int | None, *, continue_on_error: bool, dry_run: bool, as_json: bool) -> None:
    """Run again what did not succeed in the last fleet run; nodes that were done by then are skipped.

    Example: kedro fleet resume --workers 2
    """
    from workbench.fleet import table
    from workbench.fleet.environment import cpus
    from workbench.fleet.ledger import Ledger
    from workbench.fleet.plan import unfinished

    project = project_of(ctx)
    ledger = Ledger.of(project)
    cells = unfinished(ledger.last_fleet(), ledger.durations())
    if dry_run or not cells:
        text = table.of_cells(cells) if cells else "Nothing to resume: every run of the last fleet run succeeded."
        click.echo(json.dumps([cell.to_dict() for cell in cells], indent=2) if as_json else text)
        return
    chosen = sorted({cell.client for cell in cells})
    _run(
        ctx,
        project,
        cells,
        as_json=as_json,
        workers=min(workers or min(4, cpus()), len(chosen)),
        max_failures=None if continue_on_error else 1,
        limits=_limits(project, chosen, None),
    )


def _limits(project: Path, clients: list[str], timeout: float | None) -> dict[str, Limits]:
    from workbench.fleet.limits import limits_of

    limits = limits_of(project, clients)
    changes = {} if timeout is None else {"timeout": timeout}
    return {client: one.model_copy(update=changes) for client, one in limits.items()}


@fleet.command("status")
@as_json
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show the last run of every client and pipeline, and what `monitor` said of its champion.

    Example: kedro fleet status --json
    """
    from workbench.fleet.ledger import Ledger
    from workbench.monitoring.latest import latest

    project = project_of(ctx)
    runs = Ledger.of(project).last()
    verdicts = {client: latest(project, client) for client in dict.fromkeys(run.client for run in runs)}
    if as_json:
        said = {client: one and one.to_dict() for client, one in verdicts.items()}
        click.echo(json.dumps([run.to_dict() | {"monitor": said[run.client]} for run in runs], indent=2))
        return
    if not runs:
        click.echo("No run yet. Next: kedro fleet run, or kedro run --env clients/<client>")
        return
    from workbench.fleet import table

    click.echo(table.of_runs(runs, when=True))
    lines = table.of_verdicts(verdicts)
    if lines:
        click.echo(f"\n{lines}")


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
