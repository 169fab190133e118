"""``kedro client add``: from a file to a client that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import project_of

if TYPE_CHECKING:
    from workbench.onboarding.files import Proposal
    from workbench.onboarding.smoke import Smoke

__all__ = ["add"]


@click.command("add")
@click.argument("client_id")
@click.option(
    "--from",
    "given",
    required=True,
    help="A CSV or Parquet file, a folder, postgresql://host/database, or sqlite:///file.",
)
@click.option("--target", required=True, help="The column to predict.")
@click.option(
    "--task", type=click.Choice(["binary", "multiclass", "regression"]), default=None, help="[default: guessed]"
)
@click.option("--time-column", default=None, help="When a row was known.  [default: guessed]")
@click.option("--key", multiple=True, help="A column of those that identify a row.  [default: guessed]")
@click.option(
    "--date-order",
    type=click.Choice(["day", "month"]),
    default=None,
    help="What comes first in 01/02/2024, where no value of the column tells.",
)
@click.option("--table", default=None, help="The database's table.  [default: the one that has the target]")
@click.option("--user", default=None, help="Who logs in to the database.")
@click.option("--password", default=None, metavar="NAME", help="The name of the client's secret with the password.")
@click.option("--title", default=None, help="The client's name in reports.")
@click.option("--owner", default=None, help="Who answers for the client here.")
@click.option("--smoke/--no-smoke", default=True, show_default=True, help="Try all pipelines on a sample first.")
@click.option("--dry-run", is_flag=True, help="Show the files as a diff; write and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def add(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    client_id: str,
    given: str,
    smoke: bool,
    dry_run: bool,
    as_json: bool,
    **wished: Any,
) -> None:
    """Take on a client: look at its data, propose its configuration with reasons, and try it on a sample.

    The data is read by the engine where it lies. A file from outside of the project is copied into the client's folder.
    If the trial fails, the files are there all the same, to be corrected.

    Example: kedro client add acme --from orders.csv --target late
    """
    from workbench.onboarding.propose import Wishes, propose
    from workbench.onboarding.smoke import smoke as run_smoke
    from workbench.onboarding.write import as_diff, texts_of, write

    project = project_of(ctx)
    made, origin = propose(project, client_id, given, Wishes(**wished))
    texts = texts_of(made)
    if dry_run:
        diff = as_diff(client_id, texts)
        click.echo(json.dumps(_record(made) | {"files": texts}, indent=2) if as_json else diff, nl=as_json)
        return
    folder = write(project, made, origin, texts)
    if not as_json:
        _print(made, folder.relative_to(project))
    result = run_smoke(project, made) if smoke else None
    if as_json:
        click.echo(json.dumps(_record(made) | {"smoke": vars(result) if result else None}, indent=2))
    else:
        _print_smoke(client_id, result)
    if result and not result.ok:
        ctx.exit(1)


def _record(made: Proposal) -> dict[str, Any]:
    return {
        "client": made.client,
        "table": made.table,
        "rows": made.look.rows,
        "columns": len(made.look.columns),
        "source": made.source,
        "target": made.target,
        "key": {"value": list(made.key.value), "why": made.key.why},
        "time_column": {"value": made.time.value, "why": made.time.why},
        "task": {"value": made.task.value, "why": made.task.why},
        "metric": {"value": made.metric.value, "why": made.metric.why},
        "dates": {
            column.name: {"format": column.spec.format, "why": column.date}
            for column in made.look.columns.values()
            if column.date
        },
        "personal": made.personal,
    }


def _print(made: Proposal, folder: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = len(made.look.columns)
    click.echo(f"{made.client}: table {made.table}, {made.look.rows:,} rows, {columns} columns")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("target", made.target, "")
    for name, guess in (("key", made.key), ("time", made.time), ("task", made.task), ("metric", made.metric)):
        value = ", ".join(guess.value) if isinstance(guess.value, tuple) else guess.value
        table.add_row(name, value or "—", f"[dim]{guess.why}[/dim]")
    for column in made.look.columns.values():
        if column.date:
            said = f"{column.name} {column.spec.format or 'stays text'}"
            table.add_row("date", said, f"[dim]{escape(column.date)}[/dim]")
    for name, why in made.personal.items():
        table.add_row("personal", name, f"[dim]{why}[/dim]")
    Console().print(table)
    if made.look.unreadable:
        click.echo(f"{made.look.unreadable:,} lines are no rows, and will go to quarantine")
    click.echo(f"Written: {folder / 'client.yml'}, {folder / 'schema.yml'}; correct what is guessed wrong.")


def _print_smoke(client_id: str, result: Smoke | None) -> None:
    if result is not None and not result.ok:
        click.secho(f"✗ all pipelines on a sample of {result.rows:,} rows: {result.said}", fg="red", err=True)
        click.echo(f"Next: correct conf/clients/{client_id}, then kedro client check {client_id}")
        return
    if result is not None:
        click.secho(f"✓ all pipelines on a sample of {result.rows:,} rows, in {result.seconds:.0f} s", fg="green")
        click.echo(f"  {result.said}")
    click.echo(f"Next: kedro run --env clients/{client_id}")
