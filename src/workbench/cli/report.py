"""``kedro report list|run``: the templates, and rendering one for several clients."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry, env_of_client
from workbench.errors import ConfigurationError, ReportError

if TYPE_CHECKING:
    from workbench.reports import Template
    from workbench.reports.parameters import Scalar

__all__ = ["report"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=ExplainedGroup)
def report() -> None:
    """Render notebook templates as HTML reports."""


@report.command("list")
@as_json
@click.pass_context
def list_templates(ctx: click.Context, *, as_json: bool) -> None:
    """Name all templates and their parameters.

    Example: kedro report list --json
    """
    from workbench.reports import find_template, template_names

    project = project_of(ctx)
    templates = [find_template(project, name) for name in template_names(project)]
    if as_json:
        click.echo(json.dumps([template.to_dict() for template in templates], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("template", "title", "parameters", box=None, header_style="bold")
    for template in templates:
        table.add_row(template.name, template.title, ", ".join(template.parameters) or "—")
    Console().print(table)


@report.command("run")
@click.argument("template")
@click.option("--clients", default="all", show_default=True, help="Client ids with commas between them, or `all`.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Of those that `list` shows.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Reports at once.")
@as_json
@click.pass_context
def run_template(
    ctx: click.Context, template: str, *, clients: str, given: tuple[str, ...], workers: int, as_json: bool
) -> None:
    """Render a template for clients, each in a process of its own; exit 1 if any failed.

    Example: kedro report run model_card --clients skyways,clinic -p top=20
    """
    from workbench.reports import find_template

    project = project_of(ctx)
    found = find_template(project, template)
    node = _node_of(found.name)
    parameters = _bound(found, given)
    registry = ClientRegistry(project)
    chosen = registry.ids() if clients == "all" else [name.strip() for name in clients.split(",") if name.strip()]
    for name in chosen:
        registry.load(name)
    if not chosen:
        raise ConfigurationError("no client was named", hint="give `--clients all`, or see `kedro client list`")
    from workbench.kernels.process import shared_zygote

    results = []
    with shared_zygote(), ThreadPoolExecutor(workers) as pool:
        for result in pool.map(
            lambda name: _render(project, name, found.name, node, parameters, quiet=as_json), chosen
        ):
            results.append(result)
            if not as_json:
                _print_result(result)
    if as_json:
        click.echo(json.dumps(results, indent=2))
    if any(not result["ok"] for result in results):
        ctx.exit(1)


def _node_of(template: str) -> str:
    """The node of pipeline ``report`` that renders a template."""
    from kedro.framework.project import pipelines

    node = f"render_{template}"
    if node not in {one.name for one in pipelines["report"].nodes}:
        raise ReportError(
            f"template '{template}' has no node '{node}'",
            where="pipelines/report/pipeline.py",
            hint="add one that names the datasets which the template shows",
        )
    return node


def _bound(template: Template, given: tuple[str, ...]) -> dict[str, Scalar]:
    """What was typed as ``name=value``, checked before anything is started."""
    from workbench.reports.parameters import bind_text
    from workbench.reports.render import RESERVED

    where = f"report {template.name}"
    pairs = dict(word.partition("=")[::2] for word in given if "=" in word)
    if len(pairs) < len(given):
        raise ConfigurationError(f"'{' '.join(given)[:100]}' is not name=value, each name once", where=where)
    for name in RESERVED:
        if name in pairs:
            raise ConfigurationError(f"parameter '{name}' is filled in by the report itself", where=where)
    return bind_text(template.parameters, pairs, where=where)


def _render(
    project: Path, client_id: str, template: str, node: str, parameters: dict[str, Scalar], *, quiet: bool
) -> dict[str, Any]:
    """Run the template's node for one client; two clients in one process would leak into each other."""
    arguments = ["run", "--pipelines", "report", "--to-nodes", node, "--env", env_of_client(client_id)]
    # In a file: on a command line, Kedro would cut a value at its commas, and guess its type.
    settings = {"run": {"params": {"report": {"parameters": {template: parameters}}}}} if parameters else {}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        if settings:
            json.dump(settings, config)
            config.flush()
            arguments += ["--config", config.name]
        done = subprocess.run(
            [sys.executable, "-m", "kedro", *arguments], cwd=project, capture_output=True, text=True, check=False
        )
    if done.returncode != 0 and not quiet:
        click.echo(done.stderr, err=True, nl=False)
    path = project / "data" / client_id / "08_reporting" / f"{template}.html"
    error = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("Error: ")), "")
    ok = done.returncode == 0
    return {"client": client_id, "template": template, "ok": ok, "path": str(path) if ok else None, "error": error}


def _print_result(result: dict[str, Any]) -> None:
    if result["ok"]:
        click.secho(f"✓ {result['client']}: {result['path']}", fg="green")
    else:
        click.secho(f"✗ {result['client']}: {result['error'] or 'failed; see above'}", fg="red")
