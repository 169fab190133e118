"""``kedro report list|run``: the templates, and rendering one for several clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.cli.schedule import schedule
from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.reports import Template
    from workbench.reports.parameters import Scalar

__all__ = ["report"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=ExplainedGroup)
def report() -> None:
    """Render notebook templates as HTML reports."""


report.add_command(schedule)


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
@click.option("--format", "formats", default="html", show_default=True, help="html, or html,pdf: printed by Chromium.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Reports at once.")
@as_json
@click.pass_context
def run_template(
    ctx: click.Context,
    template: str,
    *,
    clients: str,
    given: tuple[str, ...],
    formats: str,
    workers: int,
    as_json: bool,
) -> None:
    """Render a template for clients, each in a process of its own; exit 1 if any failed.

    The template `fleet_overview` is on all clients at once: it has one page, for the operator.

    Example: kedro report run model_card --clients skyways,clinic --format html,pdf -p top=20
    """
    from workbench.cli.rendering import Order, parsed_formats, render_all, render_fleet
    from workbench.notebook.fleet import FLEET_OVERVIEW
    from workbench.reports import find_template

    project = project_of(ctx)
    found = find_template(project, template)
    order = Order(project, found, _bound(found, given), parsed_formats(formats), quiet=as_json)
    if found.name == FLEET_OVERVIEW:
        if clients != "all":
            hint = "leave out `--clients`"
            raise ConfigurationError(f"'{FLEET_OVERVIEW}' is on all clients at once, so it takes none", hint=hint)
        outcomes = iter([render_fleet(order)])
    else:
        outcomes = render_all(order, _chosen(ClientRegistry(project), clients), workers)
    results = []
    for result in outcomes:
        results.append(result)
        if not as_json:
            _print_result(result)
    if as_json:
        click.echo(json.dumps(results, indent=2))
    if any(not result["ok"] for result in results):
        ctx.exit(1)


def _chosen(registry: ClientRegistry, clients: str) -> list[str]:
    """The clients that were named; each can be read."""
    chosen = registry.ids() if clients == "all" else [name.strip() for name in clients.split(",") if name.strip()]
    for name in chosen:
        registry.load(name)
    if not chosen:
        raise ConfigurationError("no client was named", hint="give `--clients all`, or see `kedro client list`")
    return chosen


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


def _print_result(result: dict[str, Any]) -> None:
    if result["ok"]:
        click.secho(f"✓ {result['client'] or 'fleet'}: {', '.join(result['files'].values())}", fg="green")
    else:
        click.secho(f"✗ {result['client'] or 'fleet'}: {result['error'] or 'failed; see above'}", fg="red")
