"""``kedro client stage``: of which stage a client's results in this project are."""

from __future__ import annotations

import json

import click

from workbench.cli.explain import project_of

__all__ = ["stage"]


@click.command("stage")
@click.argument("client_id")
@click.argument("stage", required=False, type=click.Choice(["dev", "staging", "prod", "none"]))
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def stage(ctx: click.Context, client_id: str, stage: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Say of which stage a client's data, models and registry entries in this project are, or make them another's.

    A run of another stage is refused. Nothing but that is changed: the results stay as they are.

    Example: kedro client stage skyways
    """
    from workbench import audit
    from workbench.clients import ClientRegistry
    from workbench.fleet.ledger import state_folder
    from workbench.fleet.lock import ClientLock
    from workbench.fleet.stage import said, set_stage, stage_of

    project = project_of(ctx)
    ClientRegistry(project).folder(client_id)
    before = stage_of(project, client_id)
    after = before if stage is None else stage
    if after != before and not dry_run:
        lock = ClientLock(state_folder(project), client_id)
        lock.acquire("stage")
        try:
            set_stage(project, client_id, str(after))
            audit.record(project, "client.stage", client=client_id, before=before or "", after=str(after))
        finally:
            lock.release()
    if as_json:
        click.echo(json.dumps({"client": client_id, "before": before, "stage": after, "dry_run": dry_run}, indent=2))
    elif after == before:
        click.echo(f"{client_id}: {said(after) if after else 'nothing was run here yet'}")
    else:
        verb = "would be" if dry_run else "is"
        click.echo(f"{client_id}: {said(before) if before else 'nothing'} before; {verb} {said(str(after))}")
