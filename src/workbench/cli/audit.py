"""``kedro fleet audit show|verify``: who did what to which client, and whether the log of it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.audit import Entry
    from workbench.audit.entry import Mark

__all__ = ["audit"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=ExplainedGroup, invoke_without_command=True)
@click.pass_context
def audit(ctx: click.Context) -> None:
    """See who did what to which client, and check that the log of it is whole; alone, it shows the log.

    Example: kedro fleet audit
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(show, client=None, number=20, as_json=False)


@audit.command("show")
@click.option("--client", default=None, help="Records about this client alone; it may be gone by now.")
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many, the last ones.")
@as_json
@click.pass_context
def show(ctx: click.Context, *, client: str | None, number: int, as_json: bool) -> None:
    """Show the last records.

    Example: kedro fleet audit show --client skyways
    """
    from workbench.audit import entries

    found = [entry for entry in entries(project_of(ctx)) if client in {None, entry.client}][-number:]
    if as_json:
        click.echo(json.dumps([entry.to_dict() for entry in found], indent=2))
        return
    if not found:
        click.echo(f"No record{f' about {client!r}' if client else ''} yet.")
        return
    from workbench.fleet.table import columns

    head = ["record", "UTC", "who", "command", "action", "client", "facts"]
    click.echo("\n".join(columns(head, [_row(one) for one in found])))


def _row(entry: Entry) -> list[str]:
    said = " ".join(f"{name}={value}" for name, value in (entry.facts or {}).items())
    facts = "(erased)" if entry.facts is None else said
    return [str(entry.seq), entry.at[:19], entry.user, entry.command, entry.action, entry.client or "—", facts]


@audit.command("verify")
@click.option(
    "--anchor",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A file that keeps how far the log went at each check: compared with, then added to.",
)
@as_json
@click.pass_context
def verify(ctx: click.Context, *, anchor: Path | None, as_json: bool) -> None:
    """Check that no record was changed, removed, inserted or put elsewhere; exit 1 and the first bad line if one was.

    Keep the anchor where those who may write to the project may not: it tells when log and head were cut together.

    Example: kedro fleet audit verify --anchor /mnt/worm/audit.anchor
    """
    from workbench.audit import verify as check
    from workbench.audit.log import Lines

    project = project_of(ctx)
    anchors = _anchors(anchor) if anchor else []
    verdict = check(project, anchors)
    if as_json:
        click.echo(json.dumps(verdict.to_dict(), indent=2))
    elif verdict.ok:
        torn = f", {verdict.torn} torn lines of killed writers" if verdict.torn else ""
        erased = f", {verdict.erased} erased" if verdict.erased else ""
        click.secho(f"✓ {verdict.head.count:,} records{erased}{torn}; head {verdict.head.sha256}", fg="green")
    else:
        click.secho(f"✗ {Lines.path(project)}:{verdict.line}: {verdict.problem}", fg="red")
    if not verdict.ok:
        ctx.exit(1)
    if anchor and verdict.head not in anchors:
        _add(anchor, [*anchors, verdict.head])


def _anchors(path: Path) -> list[Mark]:
    from workbench.audit.entry import Mark

    if not path.exists():
        return []
    try:
        return [Mark(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            "this is no anchor of an audit log", where=str(path), hint="give the file that an earlier check has written"
        ) from error


def _add(path: Path, anchors: list[Mark]) -> None:
    from workbench.files import write_text

    write_text(path, "".join(f"{json.dumps(vars(mark))}\n" for mark in anchors))
