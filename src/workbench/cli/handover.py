"""``kedro client export|import``: one client as one archive."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.cli.explain import project_of

__all__ = ["export", "import_"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.command("export")
@click.argument("client_id")
@click.option("--with-data", is_flag=True, help="Take the client's data along; else only where they lay, with digests.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="[default: <client>.tar.gz]")
@click.option("--dry-run", is_flag=True, help="Say how much it would be; write nothing.")
@as_json
@click.pass_context
def export(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context, /, client_id: str, with_data: bool, output: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Write one archive that another team can run without this fleet.

    Example: kedro client export clinic --with-data
    """
    from workbench.handover.archive import export_client, plan_export

    project, target = project_of(ctx).resolve(), output or Path(f"{client_id}.tar.gz")
    done = (plan_export if dry_run else export_client)(project, client_id, target, with_data=with_data)
    if as_json:
        click.echo(json.dumps(done.to_dict() | {"dry_run": dry_run}, indent=2))
        return
    what = f"{done.files:,} files, {done.bytes:,} bytes" + ("" if with_data else ", without its data")
    click.echo(f"{'Would write' if dry_run else 'Written'}: {done.path} ({what})")


@click.command("import")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--as", "new_id", default=None, help="The client's id here.  [default: the one that it has]")
@click.option("--key", type=click.Path(path_type=Path, exists=True), default=None, help="The sender's public key.")
@click.option("--max-bytes", type=click.IntRange(1), default=None, help="What it may unpack to.  [default: 20 GiB]")
@click.option("--dry-run", is_flag=True, help="Check the archive as a whole; take nothing in.")
@as_json
@click.pass_context
def import_(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    archive: Path,
    new_id: str | None,
    key: Path | None,
    max_bytes: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take a client in from an archive: configuration, data, models, runs; never code.

    Example: kedro client import clinic.tar.gz --as clinic_north
    """
    from workbench.handover.arrival import Parcel, import_client
    from workbench.handover.unpack import MOST_BYTES

    parcel = Parcel(archive, new_id, key, max_bytes or MOST_BYTES)
    done = import_client(project_of(ctx).resolve(), parcel, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(done.to_dict() | {"dry_run": dry_run}, indent=2))
        return
    verb = "The archive is whole; it would become" if dry_run else "Taken in as"
    click.echo(f"{verb} client {done.client}: {done.files:,} files, {'with' if done.with_data else 'without'} data")
    if done.missing_recipe:
        click.echo(f"Its recipe '{done.missing_recipe}' is not in this project: read it in the archive, and bring it.")
    click.echo(f"Next: kedro client check {done.client}")
