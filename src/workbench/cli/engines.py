"""``kedro client move``, and what `kedro client check` says of engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import project_of
from workbench.clients import ClientRegistry
from workbench.clients.check import Finding
from workbench.clients.engines import ENGINES
from workbench.errors import ConfigurationError, WorkbenchError

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.clients.engines import Engine
    from workbench.moving import Journal

__all__ = ["move", "of_engines"]


@click.command("move")
@click.argument("client_id")
@click.option("--engine", type=click.Choice(ENGINES), default=None, help="Where the client goes.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the engine, as client.yml has it."
)
@click.option("--finish", is_flag=True, help="Remove what the old engine still has.")
@click.option("--back", is_flag=True, help="Switch back, and remove what was copied.")
@click.option("--dry-run", is_flag=True, help="Say what would be copied; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def move(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    client_id: str,
    engine: str | None,
    settings: tuple[str, ...],
    finish: bool,
    back: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Move a client to another engine: copy its tables, compare them, switch client.yml; the old stays till --finish.

    Given again after it was interrupted, it goes on where it was.

    Example: kedro client move clinic --engine postgres --set host=db.example --set database=work --set user=clinic
    """
    project = project_of(ctx).resolve()
    if sum((engine is not None, finish, back)) != 1:
        raise ConfigurationError(
            "give one of --engine, --finish and --back", where=f"client {client_id}", hint="see `--help`"
        )
    if engine is not None:
        target = _target(project, client_id, engine, settings)
        done = _move(ctx, project, client_id, target, dry_run=dry_run)
    else:
        done = _end(project, client_id, finish=finish, dry_run=dry_run)
    ended = not dry_run and (finish or back)
    if as_json:
        click.echo(
            json.dumps(_record(done, "finished" if finish else "back", ended=ended) | {"dry_run": dry_run}, indent=2)
        )
        return
    _say(project, done, dry_run=dry_run, finish=finish, back=back)


def _move(ctx: click.Context, project: Path, client_id: str, target: Engine, *, dry_run: bool) -> Journal:
    from workbench.clients.engines import DuckdbEngine
    from workbench.engines.refusing import refuse
    from workbench.moving import move as make
    from workbench.moving import plan

    registry = ClientRegistry(project)
    if not isinstance(target, DuckdbEngine):
        refuse(registry, registry.load(client_id), target.kind, package_of(ctx))
    if dry_run:
        return plan(project, client_id, target)
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("copying {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("…", total=None)
        return make(project, client_id, target, lambda label: progress.update(task, description=label))


def _end(project: Path, client_id: str, *, finish: bool, dry_run: bool) -> Journal:
    from workbench.moving import finish as end
    from workbench.moving import go_back
    from workbench.moving.journal import read

    if not dry_run:
        return end(project, client_id) if finish else go_back(project, client_id)
    ClientRegistry(project).folder(client_id)
    known = read(project, client_id)
    if known is None:
        raise ConfigurationError("no move was begun", where=f"client {client_id}")
    return known


def _target(project: Path, client_id: str, engine: str, settings: tuple[str, ...]) -> Engine:
    """The engine with its settings; those of a move that was begun, if none are given."""
    from pydantic import TypeAdapter, ValidationError

    from workbench.clients.engines import Engine
    from workbench.moving.journal import read

    ClientRegistry(project).folder(client_id)
    known = read(project, client_id)
    if known is not None and not settings and known.new.kind == engine:
        return known.new
    given: dict[str, Any] = {"kind": engine}
    for setting in settings:
        key, found, value = setting.partition("=")
        if not found or key == "kind":
            raise ConfigurationError(f"--set {setting!r} is no KEY=VALUE", hint="write it as `--set host=db.example`")
        given[key] = value
    adapter: TypeAdapter[Engine] = TypeAdapter(Engine)
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = str(first["loc"][-1]) if first["loc"] else "engine"
        raise ConfigurationError(
            f"setting '{key}' of engine {engine}: {first['msg']}", where=f"client {client_id}", hint=f"--set {key}=…"
        ) from None


def _record(done: Journal, last: str, *, ended: bool) -> dict[str, Any]:
    tables = {
        name: {"rows": record.rows, "digest": record.digest, "compared": record.compared}
        for name, record in done.tables.items()
    }
    step = last if ended else done.step
    return {"client": done.client, "from": done.source, "to": done.target, "step": step, "tables": tables}


def _say(project: Path, done: Journal, *, dry_run: bool, finish: bool, back: bool) -> None:
    from workbench.moving.tables import tables_of

    old, new = done.old.kind, done.new.kind
    if finish or back:
        what = f"the tables in {old} are gone" if finish else f"the client is on {old} again; the copies are gone"
        click.echo(f"{'Would be so: ' if dry_run else ''}{what}.")
        return
    if dry_run:
        labels = [table.label for table in tables_of(project, done.client)]
        click.echo(
            f"Would copy from {old} to {new}, compare, and switch client.yml: {', '.join(labels) or 'no table yet'}"
        )
        return
    for name, record in done.tables.items():
        by = "each engine of its own rows" if record.compared == "engines" else "this machine of both"
        click.echo(f"{name}: {record.rows:,} rows, digest {record.digest}, computed by {by}")
    click.echo(f"Client {done.client} is on {new}; {old} still has its tables.")
    click.echo(
        f"Next: kedro run --env clients/{done.client}, then kedro client move {done.client} --finish (or --back)"
    )


def of_engines(ctx: click.Context, registry: ClientRegistry, client_id: str) -> list[Finding]:
    """The engines that the client's recipe does not run on: its own is wrong, another is good to know."""
    from workbench.engines.refusing import refusals, unfit

    try:
        client = registry.load(client_id)
        found = refusals(registry, client, [kind for kind in ENGINES if kind != "duckdb"], package_of(ctx))
    except WorkbenchError:
        return []  # what is wrong there, the other checks say
    return [
        Finding(str(unfit(client, kind, reason)), note=False)
        if kind == client.engine.kind
        else Finding(f"cannot move to {kind}: {reason}", note=True)
        for kind, reason in found.items()
    ]


def package_of(ctx: click.Context) -> str:
    """The project's package of pipelines."""
    return str(getattr(ctx.obj, "package_name", None) or "pipelines")
