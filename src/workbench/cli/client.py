"""``kedro client list|show|explain|check``: the registry of clients. Loads neither torch nor mlflow.

`check` imports Ibis, which compiles recipes; nothing else here does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.engines import move, of_engines
from workbench.cli.erasure import certificate, forget, remove
from workbench.cli.explain import ExplainedGroup, project_of
from workbench.cli.handover import export, import_
from workbench.cli.onboard import add
from workbench.cli.secrets import secret
from workbench.cli.stage import stage
from workbench.cli.verify import verify
from workbench.clients import Client, ClientRegistry, Schema
from workbench.clients.check import Finding, check_client, check_stages
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["client"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=ExplainedGroup)
def client() -> None:
    """Take on clients, look at them, and check their configuration."""


for command in (add, secret, export, import_, move, remove, forget, certificate, stage, verify):
    client.add_command(command)


@client.command("list")
@as_json
@click.pass_context
def list_clients(ctx: click.Context, *, as_json: bool) -> None:
    """Name all clients.

    Example: kedro client list --json
    """
    registry = ClientRegistry(project_of(ctx))
    rows = [_row(registry, client_id) for client_id in registry.ids()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo(f"No client yet: {registry.root} holds no folder with a client.yml.")
        return
    from rich.console import Console
    from rich.table import Table

    columns = ("title", "task", "target", "recipe", "engine", "tables")
    table = Table("client", *columns, box=None, header_style="bold")
    for row in rows:
        cells = (f"[red]{row['error']}[/red]",) if "error" in row else (str(row[column]) for column in columns)
        table.add_row(row["id"], *cells)
    Console().print(table)


def _row(registry: ClientRegistry, client_id: str) -> dict[str, Any]:
    # One broken client must not hide the others.
    try:
        one = registry.load(client_id)
    except WorkbenchError as error:
        return {"id": client_id, "error": str(error)}
    return {
        "id": one.id,
        "title": one.title,
        "owner": one.owner,
        "task": one.task,
        "target": one.target,
        "recipe": one.recipe,
        "engine": one.engine.kind,
        "tables": len(one.sources),
    }


@client.command("show")
@click.argument("client_id")
@as_json
@click.pass_context
def show_client(ctx: click.Context, client_id: str, *, as_json: bool) -> None:
    """Show one client with every default filled in.

    Example: kedro client show skyways
    """
    one = ClientRegistry(project_of(ctx)).load(client_id)
    if as_json:
        click.echo(one.model_dump_json(indent=2))
        return
    _print_client(one)


def _print_client(one: Client) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{one.title}[/bold] ({one.id})")
    if one.description:
        console.print(one.description)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in one.model_dump(mode="json", exclude={"id", "title", "description", "sources"}).items():
        table.add_row(f"[dim]{name}[/dim]", _short(value))
    for name, source in one.sources.items():
        settings = source.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
        table.add_row(f"[dim]source[/dim] {name}", f"{source.kind}: {_short(settings)}")
    console.print(table)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items() if item not in (None, []))
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "—"
    return "—" if value is None else str(value)


@client.command("explain")
@click.argument("client_id")
@click.argument("key", required=False)
@click.option("--stage", default=None, help="As it is in this stage.  [env: WORKBENCH_STAGE]")
@as_json
@click.pass_context
def explain_settings(ctx: click.Context, client_id: str, key: str | None, *, stage: str | None, as_json: bool) -> None:
    """Say for each setting of a client which file and line decides it, and what that overrode.

    Example: kedro client explain skyways train.learning_rate --stage prod
    """
    from workbench.clients.explain import explain, find
    from workbench.clients.layers import checked_stage

    settings = explain(ClientRegistry(project_of(ctx), checked_stage(stage) if stage else None), client_id)
    chosen = settings if key is None else find(settings, key)
    if as_json:
        click.echo(json.dumps([setting.to_dict() for setting in chosen], indent=2))
        return
    for setting in chosen:
        click.echo(f"{setting.key} = {_short(setting.winner.value)}  {click.style(setting.winner.where, dim=True)}")
        for one in setting.overridden:
            click.echo(f"    instead of {_short(one.value)}  {click.style(one.where, dim=True)}")


@client.command("schema")
@click.argument("file", type=click.Choice(["client.yml", "schema.yml", "secrets.yml"]), default="client.yml")
def schema(file: str) -> None:
    """Print the JSON Schema of a client's file, for editors; conf/schemas holds a copy.

    Example: kedro client schema client.yml > conf/schemas/client.schema.json
    """
    from workbench.secrets.config import SecretsFile

    models: dict[str, type[BaseModel]] = {"client.yml": Client, "schema.yml": Schema, "secrets.yml": SecretsFile}
    click.echo(json.dumps(models[file].model_json_schema(), indent=2))


@client.command("check")
@click.argument("client_id", required=False)
@as_json
@click.pass_context
def check(ctx: click.Context, client_id: str | None, *, as_json: bool) -> None:
    """Check one client's configuration, or everybody's, in all layers and stages; exit 1 if anything is wrong.

    Compiles the client's recipe to the SQL of every engine, without connecting to one. That it does not run on the
    client's own engine is wrong; that it does not on another one is a note.

    Example: kedro client check skyways
    """
    project = project_of(ctx)
    registry = ClientRegistry(project)
    if client_id is not None:
        registry.folder(client_id)
    recipes = _recipes(ctx, project)
    names = [client_id] if client_id else registry.ids()
    findings = {
        name: check_client(registry, name, recipes) + _of_erasure(project, name) + of_engines(ctx, registry, name)
        for name in names
    }
    if client_id is None and (stray := check_stages(registry)):
        findings["conf/stages"] = stray
    if as_json:
        click.echo(json.dumps({name: [f.to_dict() for f in found] for name, found in findings.items()}, indent=2))
    else:
        for name, found in findings.items():
            _print_findings(name, found)
    if any(not finding.note for found in findings.values() for finding in found):
        ctx.exit(1)


def _of_erasure(project: Path, name: str) -> list[Finding]:
    """A champion that is to be trained again, and an erasure that was killed and is to be finished."""
    from workbench.erasure.journal import journal_path
    from workbench.registry.retraining import champion_to_retrain

    found = []
    if journal_path(project, name).exists():
        found.append(Finding(f"client {name}: an erasure was begun and is not finished. Next: give its command again"))
    retrain = champion_to_retrain(project, name)
    if retrain:
        found.append(Finding(f"client {name}: {retrain}. Next: kedro run --env clients/{name}"))
    return found


def _print_findings(name: str, found: list[Finding]) -> None:
    if all(finding.note for finding in found):
        click.secho(f"✓ {name}", fg="green")
    for finding in found:
        if finding.note:
            click.echo(f"  {finding.message}")
        else:
            click.secho(f"✗ {name}: {finding.message}", fg="red")


def _recipes(ctx: click.Context, project: Path) -> set[str] | None:
    """The recipes that the project has, by the names of their modules; nothing is imported."""
    source = Path(getattr(ctx.obj, "source_dir", project / "src"))
    folder = source / getattr(ctx.obj, "package_name", "pipelines") / "prepare" / "recipes"
    if not folder.is_dir():
        return None
    return {path.stem for path in folder.glob("[a-z]*.py")}
