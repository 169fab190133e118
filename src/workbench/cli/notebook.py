"""``kedro notebook new|list|promote``: exploration notebooks, and the way from one to a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of

if TYPE_CHECKING:
    from workbench.notebook.promote import Promotion

__all__ = ["notebook"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
dry_run = click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")


@click.group(cls=ExplainedGroup)
def notebook() -> None:
    """Make exploration notebooks, and turn their cells into recipes."""


@notebook.command("list")
@as_json
@click.pass_context
def list_notebooks(ctx: click.Context, *, as_json: bool) -> None:
    """Name the templates, and the exploration notebooks that there are.

    Example: kedro notebook list --json
    """
    from workbench.notebook.shelf import notebooks, templates

    project = project_of(ctx)
    found = {"templates": templates(project), "notebooks": notebooks(project)}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    _table(("template", "title"), [(row["name"], row["title"]) for row in found["templates"]])
    click.echo()
    rows = [
        (row["path"], f"[red]{row['error']}[/red]", "")
        if "error" in row
        else (row["path"], row["client"] or "—", row["title"])
        for row in found["notebooks"]
    ]
    _table(("notebook", "client", "title"), rows)


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "notebook")  # a path is there to be copied
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@notebook.command("new")
@click.argument("template")
@click.option("--client", "client_id", help="Whose data it opens.  [default: the first of `kedro client list`]")
@click.option("--name", help="Name of the file, without .ipynb.  [default: the template's]")
@dry_run
@as_json
@click.pass_context
def new_notebook(
    ctx: click.Context, template: str, *, client_id: str | None, name: str | None, dry_run: bool, as_json: bool
) -> None:
    """Make an exploration notebook for a client; one that is there is never written over.

    Example: kedro notebook new explore --client clinic --name first_ideas
    """
    from workbench.notebook.create import create, plan

    project = project_of(ctx)
    planned = plan(project, template, client_id, name)
    if not dry_run:
        create(project, planned)
    if as_json:
        click.echo(json.dumps(planned.to_dict() | {"written": not dry_run}, indent=2))
    elif dry_run:
        click.echo(f"{planned.path.as_posix()} would be written, from {planned.template}, for {planned.client}")
    else:
        click.secho(f"✓ {planned.path.as_posix()}", fg="green")
        click.echo(f"  open it: kedro jupyter lab {planned.path.as_posix()}")


@notebook.command("promote")
@click.argument("path", metavar="NOTEBOOK", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--recipe", help="The recipe's name.  [default: the notebook's]")
@dry_run
@as_json
@click.pass_context
def promote_notebook(ctx: click.Context, path: Path, *, recipe: str | None, dry_run: bool, as_json: bool) -> None:
    """Turn the cells that are tagged `recipe` into a recipe with a test. Nothing in the notebook is run.

    Example: kedro notebook promote notebooks/explore/03_from_notebook_to_pipeline.ipynb --recipe clinic_shape --dry-run
    """
    from workbench.notebook.promote import plan, promote

    project = project_of(ctx)
    planned = plan(project, path.absolute() if path.exists() else path, recipe)
    if not dry_run:
        promote(project, planned)
    if as_json:
        shown = {"diff": planned.diff()} if dry_run else {}
        click.echo(json.dumps(planned.to_dict() | {"written": not dry_run} | shown, indent=2))
        return
    if dry_run:
        click.echo(planned.diff())
    _print_promotion(planned, written=not dry_run)


def _print_promotion(planned: Promotion, *, written: bool) -> None:
    if written:
        for path in (*planned.new, *planned.changed):
            click.secho(f"✓ {path.as_posix()}", fg="green")
    if planned.left_out:
        click.echo("Left in the notebook:")
    for one in planned.left_out:
        click.secho(f"  {one}", fg="yellow")
    for remark in planned.remarks:
        click.secho(f"! {remark}", fg="yellow")
    if written:
        test = " ".join(path.as_posix() for path in planned.new if path.parts[0] == "tests")
        click.echo(f"Next: {f'`pytest {test}`, then ' if test else ''}`recipe: {planned.recipe}` in")
        click.echo(f"conf/clients/{planned.client}/client.yml, and `kedro run --env clients/{planned.client}`")
