"""``kedro report schedule``: which reports are made when, and the scheduler that makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, enter_stage, project_of
from workbench.errors import ConfigurationError, WorkbenchError

if TYPE_CHECKING:
    from workbench.schedules.entries import Entry

__all__ = ["schedule"]

IMAGE_FOLDER = "/app"
"""Where the Dockerfile puts the project."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
of_clients = click.option("--clients", default="all", show_default=True, help="all, or a comma-separated list.")


class Instant(click.ParamType[datetime]):
    """An instant with a time zone."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ISO 8601; a time without a zone is refused, because it would mean another instant elsewhere."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail(f"{value!r} is not an instant with a time zone, such as 2026-11-30T06:00:00Z", param, ctx)
        return instant.astimezone(UTC)


@click.group(cls=ExplainedGroup)
def schedule() -> None:
    """Make reports by the clock: see what is scheduled, run the scheduler, or hand it to another one."""


@schedule.command("list")
@of_clients
@as_json
@click.pass_context
def list_schedules(ctx: click.Context, *, clients: str, as_json: bool) -> None:
    """Show every schedule, when it comes next, and how it went the last time.

    Example: kedro report schedule list
    """
    from workbench.schedules import listing

    rows = listing.schedules(project_of(ctx), _entries(ctx, clients), datetime.now(UTC))
    click.echo(json.dumps(rows, indent=2) if as_json else listing.table_of_schedules(rows))


@schedule.command("next")
@of_clients
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many slots.")
@as_json
@click.pass_context
def next_slots(ctx: click.Context, *, clients: str, number: int, as_json: bool) -> None:
    """Show the next slots of all schedules, in order.

    Example: kedro report schedule next -n 5
    """
    from workbench.schedules import listing

    rows = listing.next_slots(_entries(ctx, clients), datetime.now(UTC), number)
    click.echo(json.dumps(rows, indent=2) if as_json else listing.table_of_next(rows))


@schedule.command("history")
@click.option("--client", default=None, help="Of this client alone.")
@click.option("-n", "--number", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many slots.")
@as_json
@click.pass_context
def history(ctx: click.Context, *, client: str | None, number: int, as_json: bool) -> None:
    """Show what became of the last slots, and who got what.

    Example: kedro report schedule history --client skyways
    """
    from workbench.clients import ClientRegistry
    from workbench.schedules import listing

    project = project_of(ctx)
    if client is not None:
        ClientRegistry(project).folder(client)
    rows = listing.history(project, client, number)
    click.echo(json.dumps(rows, indent=2) if as_json else listing.table_of_history(rows))


@schedule.command("pause")
@click.argument("client")
@click.argument("name", required=False)
@click.pass_context
def pause(ctx: click.Context, client: str, name: str | None) -> None:
    """Let no slot of a client's schedule begin until it is resumed; without NAME, of all its schedules.

    Example: kedro report schedule pause skyways weekly
    """
    from workbench.schedules.book import SlotBook

    for entry in _named(ctx, client, name):
        SlotBook(project_of(ctx)).pause(client, entry.name)
        click.echo(f"{client} {entry.name}: paused. Next: kedro report schedule resume {client} {entry.name}")


@schedule.command("resume")
@click.argument("client")
@click.argument("name", required=False)
@click.pass_context
def resume(ctx: click.Context, client: str, name: str | None) -> None:
    """Let a paused schedule go on from now; what it missed is not caught up.

    Example: kedro report schedule resume skyways weekly
    """
    from workbench.schedules.book import SlotBook

    for entry in _named(ctx, client, name):
        SlotBook(project_of(ctx)).resume(client, entry.name)
        coming = entry.cron.next(datetime.now(UTC))
        click.echo(f"{client} {entry.name}: next {coming:%Y-%m-%d %H:%M} UTC" if coming else f"{client}: resumed")


@schedule.command("run")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Slots served at once.")
@click.option("--until", type=Instant(), default=None, help="Stop when all slots up to this instant are done.")
@click.option("--once", is_flag=True, help="Stop when what is due now is done: for a timer that begins it again.")
@click.option("--dry-run", is_flag=True, help="Show what is due now, and serve nothing.")
@click.pass_context
def run(ctx: click.Context, *, workers: int, until: datetime | None, once: bool, dry_run: bool) -> None:
    """Run the scheduler, until Ctrl-C or SIGTERM; what it is at then comes to its end first.

    It may be killed at any moment: the next one takes up what was begun, and delivers nothing twice.

    Example: kedro report schedule run --workers 2
    """
    from workbench.schedules import listing
    from workbench.schedules.scheduler import Scheduler

    project, now = project_of(ctx), datetime.now(UTC)
    if dry_run:
        click.echo(listing.table_of_due(listing.due(project, _entries(ctx, "all"), now)))
        return
    from workbench.kernels.process import shared_zygote

    coming = listing.next_slots(_entries(ctx, "all"), now, 1)
    if coming and not once:
        click.echo(f"Next: {coming[0]['client']} {coming[0]['schedule']} at {coming[0]['due']}. Ctrl-C ends it.")
    with shared_zygote():  # for the kernels of all reports, and nothing of the workbench: it may be updated meanwhile
        Scheduler(project, workers=workers, tell=_say).run(now if once else until)


@schedule.command("slot")
@click.argument("client")
@click.argument("name")
@click.option("--due", type=Instant(), default=None, help="The slot.  [default: the latest]")
@click.option("--within", type=click.IntRange(1), default=None, help="Do nothing if it was due more minutes ago.")
@click.option("--again", is_flag=True, help="Also one that has failed; what is in doubt is sent once more.")
@click.option("--dry-run", is_flag=True, help="Say what would be made and who would get it.")
@click.pass_context
def slot(
    ctx: click.Context, client: str, name: str, *, due: datetime | None, within: int | None, again: bool, dry_run: bool
) -> None:
    """Make and deliver the reports of one slot; a slot that is done is left alone.

    Without --due, slots that earlier attempts had to leave come first. The exit code is 75 if it failed by what may
    pass. This is what the scheduler, and those that `export` writes for, begin for each slot.

    Example: kedro report schedule slot skyways weekly
    """
    from workbench.kernels.preload import FOR_REPORTS
    from workbench.kernels.process import some_zygote
    from workbench.schedules.book import SlotBook
    from workbench.schedules.serve import serve

    (entry,) = _named(ctx, client, name)
    now = datetime.now(UTC)
    instant = due or entry.cron.latest(now)
    if instant is None or (within is not None and now - instant > timedelta(minutes=within)):
        click.echo(f"{client} {name}: no slot was due")
        return
    if dry_run:
        steps, formats = (*entry.schedule.pipelines, *entry.schedule.templates), ", ".join(entry.schedule.formats)
        recipients = ", ".join(entry.schedule.deliver) or "nobody"
        click.echo(f"{client} {name} {instant:%Y-%m-%dT%H:%MZ}: {', '.join(steps)} as {formats} to {recipients}")
        return
    project = project_of(ctx)
    # Begun by cron, nobody else comes back for what an earlier attempt had to leave.
    left = [one.due for one in SlotBook(project).open() if (one.client, one.schedule) == (client, name)]
    dues = [instant] if due else sorted({*(one for one in left if one < instant), instant})
    failures = []
    with some_zygote(FOR_REPORTS):  # for the kernels of its reports
        for one in dues:
            try:
                served = serve(project, client, name, one, again=again)
            except WorkbenchError as error:
                failures.append(error)
                continue
            what = "delivered" if served else "was done already; see `kedro report schedule history`"
            click.echo(f"{client} {name} {one:%Y-%m-%dT%H:%MZ}: {what}")
    if failures:
        raise failures[-1]


@schedule.command("export")
@click.option("--to", "target", type=click.Choice(["airflow", "cron", "github", "kubernetes"]), required=True)
@of_clients
@click.option("--project", "folder", default=None, help="Its folder there.  [default: here; in an image, /app]")
@click.option("--kedro", default=None, help="The command there.  [default: .venv/bin/kedro; in an image, kedro]")
@click.option("--image", default=None, help="Kubernetes: the image.  [default: that of `make image`]")
@click.option("--claim", default="workbench", show_default=True, help="Kubernetes: the volume's claim.")
@click.option("--pool", default="default_pool", show_default=True, help="Airflow: the pool of the tasks.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Instead of the terminal."
)
@click.option("--stage", default=None, help="dev, staging or prod: of every run there.  [env: WORKBENCH_STAGE]")
@click.pass_context
def export(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    target: str,
    clients: str,
    folder: str | None,
    kedro: str | None,
    image: str | None,
    output: Path | None,
    stage: str | None,
    **given: str,
) -> None:
    """Write the schedules as an Airflow 3 DAG file, a crontab, Kubernetes CronJobs, or a GitHub Actions workflow.

    Example: kedro report schedule export --to airflow -o dags/reports.py
    """
    from workbench.clients.layers import current_stage
    from workbench.export.options import own_image
    from workbench.export.schedules import EXPORTS, ExportOptions

    enter_stage(stage)
    in_image = target == "kubernetes"
    options = ExportOptions(
        project=folder or (IMAGE_FOLDER if in_image else str(project_of(ctx))),
        kedro=kedro or ("kedro" if in_image else ".venv/bin/kedro"),
        image=image or own_image(),
        stage=current_stage(),
        **given,
    )
    text = EXPORTS[target](_entries(ctx, clients), options)
    if output is None:
        click.echo(text, nl=False)
        return
    from workbench.files import write_text

    write_text(output, text)
    click.echo(f"{output} written")


def _say(line: str) -> None:
    click.echo(f"{datetime.now().astimezone():%H:%M:%S} {line}")


def _entries(ctx: click.Context, clients: str) -> list[Entry]:
    from workbench.clients import ClientRegistry
    from workbench.fleet.plan import chosen_clients
    from workbench.schedules.entries import entries

    registry = ClientRegistry(project_of(ctx))
    return entries(registry, chosen_clients(registry, clients))


def _named(ctx: click.Context, client: str, name: str | None) -> Iterator[Entry]:
    """One schedule of a client, or all of them."""
    from workbench.clients import ClientRegistry
    from workbench.schedules.entries import entries
    from workbench.schedules.serve import schedule_of

    registry = ClientRegistry(project_of(ctx))
    found = entries(registry, [client])
    if name is not None:
        schedule_of(registry.load(client), name)
    elif not found:
        raise ConfigurationError(
            "it has no schedule", where=f"client {client}", hint="add `schedule:` to its client.yml"
        )
    return (entry for entry in found if name in {None, entry.name})
