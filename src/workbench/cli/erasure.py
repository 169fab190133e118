"""``kedro client remove|forget|certificate``: erasure, with a proof. Without ``--yes`` nothing is changed."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import project_of
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.erasure.places import Amount
    from workbench.erasure.removal import Erased

__all__ = ["certificate", "forget", "remove"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
yes = click.option("--yes", is_flag=True, help="Erase. Without it, only show what would go.")
dry_run = click.option("--dry-run", is_flag=True, help="Show what would go, even with --yes.")
by = click.option("--by", default=None, help="Who asked for it, for the certificate.  [default: this user and machine]")


@click.command("remove")
@click.argument("client_id")
@click.option("--erase", is_flag=True, help="Say that you know: everything of the client is erased.")
@yes
@dry_run
@by
@as_json
@click.pass_context
def remove(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context, /, client_id: str, erase: bool, yes: bool, dry_run: bool, by: str | None, as_json: bool
) -> None:
    """Erase a client: data, models, runs, versions, reports, caches, logs, configuration; and certify it.

    Example: kedro client remove acme --erase
    """
    from workbench.erasure.removal import erase_client, plan_client

    if not erase:
        raise ConfigurationError(
            "a client is removed by erasing it, and there is no softer way",
            hint=f"see what would go: `kedro client remove {client_id} --erase`",
        )
    project = project_of(ctx).resolve()
    if dry_run or not yes:
        amounts = plan_client(project, client_id)
        _show(amounts, f"kedro client remove {client_id} --erase --yes", as_json=as_json, facts={"client": client_id})
        return
    _report(ctx, erase_client(project, client_id, by or _somebody()), as_json=as_json)


@click.command("forget")
@click.argument("client_id")
@click.option("--subject", required=True, help="The key of the person or thing; `-` reads it from standard input.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    help="Where the key stands: a column, or table.column; several times if need be.  [default: the client's key]",
)
@yes
@dry_run
@by
@as_json
@click.pass_context
def forget(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    client_id: str,
    subject: str,
    columns: Sequence[str],
    yes: bool,
    dry_run: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Erase one subject of a client, keep it from coming back, and mark the models that learned from it.

    Example: kedro client forget clinic --subject 17
    """
    from workbench.erasure.forgetting import Wanted, forget_subject, plan_subject

    project = project_of(ctx).resolve()
    wanted = Wanted(client_id, sys.stdin.readline().rstrip("\r\n") if subject == "-" else subject, tuple(columns))
    if dry_run or not yes:
        amounts = plan_subject(project, wanted)
        again = f"kedro client forget {client_id} --subject … --yes"
        _show(amounts, again, as_json=as_json, facts={"client": client_id})
        return
    _report(ctx, forget_subject(project, wanted, by or _somebody()), as_json=as_json)


@click.group("certificate")
def certificate() -> None:
    """Look at the certificates of what was erased."""


@certificate.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), default=None, help="The public key.  [default: beside the file]"
)
@click.option("--subject", default=None, help="Say if the certificate is about this key; `-` reads it.")
@as_json
def verify(file: Path, key: Path | None, subject: str | None, *, as_json: bool) -> None:
    """Check the signature of a certificate, and say what it says.

    Example: kedro client certificate verify certificates/20260102T101500-acme-client.json
    """
    from workbench.erasure.certificate import verify as verified
    from workbench.erasure.journal import subject_digest

    record = verified(file, key)
    about = None
    if subject is not None:
        value = sys.stdin.readline().rstrip("\r\n") if subject == "-" else subject
        known = record.get("subject")
        about = known is not None and subject_digest(value, known["salt"]) == known["scrypt"]
    if as_json:
        click.echo(json.dumps(record | ({} if about is None else {"about_subject": about}), indent=2))
        return
    click.secho(f"✓ {file.name}: the signature holds", fg="green")
    click.echo(f"{record['client']}: {record['what']} by {record['by']}, {record['began']} … {record['ended']}")
    click.echo("the search found nothing left" if record["proof"]["clean"] else "the search found something left")
    if about is not None:
        click.echo("it is about this subject" if about else "it is not about this subject")


def _show(amounts: Sequence[Amount], again: str, *, as_json: bool, facts: dict[str, Any]) -> None:
    if as_json:
        click.echo(json.dumps(facts | {"would_erase": [amount.to_dict() for amount in amounts]}, indent=2))
        return
    _print(amounts)
    click.echo(f"Nothing was changed. To erase it: {again}")


def _print(amounts: Sequence[Amount]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("place", box=None, header_style="bold")
    for column in ("files", "rows", "bytes"):
        table.add_column(column, justify="right")
    for amount in amounts:
        table.add_row(
            amount.place, *(f"{value:,}" if value else "—" for value in (amount.files, amount.rows, amount.bytes))
        )
    Console().print(table)


def _report(ctx: click.Context, done: Erased, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(done.record | {"certificate": str(done.certificate)}, indent=2))
    else:
        from workbench.erasure.places import Amount

        _print([Amount(**amount) for amount in done.record["erased"]])
        for version in done.record.get("retrain", ()):
            click.echo(f"to be trained again: {version}")
        for sentence in done.record["not_erased"]:
            click.echo(f"not erased: {sentence}")
        for hit in done.proof.mentions[:10]:
            click.echo(f"named in, and left alone: {hit.path} ({hit.inside})")
        for hit in done.proof.left[:20]:
            click.secho(f"✗ still there: {hit.path} ({hit.inside})", fg="red", err=True)
        click.echo(f"{done.proof.files:,} files were searched; the certificate: {done.certificate}")
    if done.proof.left:
        ctx.exit(1)


def _somebody() -> str:
    user = "somebody"
    with suppress(KeyError, OSError):
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()}"
