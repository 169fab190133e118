"""``kedro client verify``: are the bytes of a client's files those that its runs left?"""

from __future__ import annotations

import json
import sys

import click

from workbench.cli.explain import project_of

__all__ = ["verify"]

_SAID = {
    "damaged": "other bytes than were written, and nobody wrote it: the disk, or somebody who set the time back",
    "changed": "written since, and by no run",
    "missing": "gone",
}


@click.command("verify")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def verify(ctx: click.Context, client_id: str, *, as_json: bool) -> None:
    """Read a client's data and models, and compare each file with the sha256 that the ledger has of it; exit 1 if not.

    Example: kedro client verify skyways
    """
    from rich.progress import track

    from workbench.clients import ClientRegistry
    from workbench.fleet.integrity import verify as verified

    project = project_of(ctx)
    ClientRegistry(project).folder(client_id)
    quiet = as_json or not sys.stdout.isatty()
    found = list(track(verified(project, client_id), "reading", transient=True, disable=quiet))
    wrong = [one for one in found if one.state != "whole"]
    if as_json:
        record = {"client": client_id, "files": len(found), "wrong": [one.to_dict() for one in wrong]}
        click.echo(json.dumps(record, indent=2))
    elif wrong:
        for one in wrong:
            click.secho(f"✗ {one.path}: {_SAID[one.state]}", fg="red", err=True)
        click.echo(f"Next: put a source back; remove what a run has made, then kedro run --env clients/{client_id}")
    elif found:
        click.secho(f"✓ {client_id}: {len(found)} files and folders are as its runs left them", fg="green")
    else:
        click.echo(f"{client_id}: no run has left anything yet")
    if wrong:
        ctx.exit(1)
