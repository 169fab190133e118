"""One slot, from its pipelines to its receipts. Each step is kept, so that the next attempt goes on where one ended.

1. The slot is claimed in the ledger.
2. Pipelines run and reports are rendered, in processes of their own, and the result becomes the slot's folder
   ``data/<client>/09_delivered/<schedule>/<slot>/``: whole, or not there. A slot that has its folder is not rendered
   again, so whatever is delivered later is what was delivered first.
3. Each recipient has a receipt. It says ``sending`` before a byte leaves, and ``sent`` after.
4. The slot ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from workbench.clients import Client, ClientRegistry
from workbench.clients.reporting import SLOT
from workbench.clients.schedule import Schedule
from workbench.delivery import Item, Parcel
from workbench.delivery.index import index_page
from workbench.errors import ConfigurationError, DeliveryError, Terminal, Transient, Unreachable, WorkbenchError
from workbench.files import durable_folder, sweep, write_text
from workbench.fleet.stop import GracefulStop
from workbench.schedules.book import SlotBook
from workbench.schedules.cron import Cron
from workbench.schedules.parcels import read_parcel, write_parcel
from workbench.schedules.receipts import Problem, deliver
from workbench.schedules.rendering import render_reports
from workbench.schedules.slot import Slot

__all__ = ["ARCHIVE", "Render", "schedule_of", "serve"]

ARCHIVE = "09_delivered"
"""Folder below a client's data that keeps what was delivered, and a page that lists it."""

Render = Callable[[Path, Client, Schedule, Path, Mapping[str, str]], list[Item]]
"""(project, client, schedule, empty folder, environment) → the files that it put into the folder."""


def schedule_of(client: Client, name: str) -> Schedule:
    """A client's schedule by its name.

    Raises:
        ConfigurationError: it has none of that name.
    """
    if name not in client.schedule:
        raise ConfigurationError(
            f"there is no schedule {name[:60]!r}",
            where=f"client {client.id}",
            tried=", ".join(client.schedule) or "its client.yml has no `schedule`",
            hint="`kedro report schedule list` names them",
        )
    return client.schedule[name]


def serve(
    project: Path,
    client_id: str,
    name: str,
    due: datetime,
    *,
    again: bool = False,
    render: Render = render_reports,
    environ: Mapping[str, str] = os.environ,
) -> Slot | None:
    """Serve a slot in this process.

    Args:
        project: the project's folder.
        client_id: a registered client.
        name: of its schedule.
        due: the slot.
        again: also serve one that has failed; what is in doubt is sent once more.
        render: how reports are made.
        environ: what rendering has of the environment, and where the operator names folders.

    Returns:
        The slot as it was claimed; None if it was done already.

    Raises:
        ConfigurationError: no such schedule, or ``due`` is not one of its slots.
        Transient: it may pass; the slot is planned again if it has attempts left.
        Terminal: it failed.
    """
    registry = ClientRegistry(project)
    client = registry.load(client_id)
    schedule = schedule_of(client, name)
    if Cron(schedule.cron, schedule.timezone).latest(due) != due:
        raise ConfigurationError(
            f"{due.isoformat()} is not a slot of {schedule.cron!r} ({schedule.timezone})",
            where=f"client {client_id}, schedule {name}",
            hint="`kedro report schedule next` names some; leave --due out for the latest",
        )
    book = SlotBook(project)
    lock, stop = book.lock(client_id), GracefulStop()
    lock.acquire(f"schedule {name}")
    try:
        slot = book.claim(client_id, name, due, again=again, locked=True)
        if slot is None:
            return None
        stop.install()
        try:
            problems = _serve(project, registry, client, schedule, slot, book, render, environ, again=again)
            stop.hold()
            _end(book, slot, schedule, problems)
        except WorkbenchError as error:
            _end(book, slot, schedule, [Problem(error)])
        except BaseException as error:
            by_hand = not isinstance(error, Exception)
            why = "it was stopped" if by_hand else f"{type(error).__name__} in the workbench"
            book.end(slot, "planned" if by_hand else "failed", why, uncounted=by_hand)
            raise
    finally:
        lock.release()
        stop.remove()
    return slot


def _serve(  # noqa: PLR0917
    project: Path, registry: ClientRegistry, client: Client, schedule: Schedule, slot: Slot, book: SlotBook,
    render: Render, environ: Mapping[str, str], *, again: bool,
) -> list[Problem]:  # fmt: skip
    archive = project / "data" / client.id / ARCHIVE
    folder = archive / slot.schedule / f"{slot.due:%Y%m%dT%H%M%SZ}"
    sweep(archive)
    sweep(folder.parent)  # the client's lock makes this process the only one that writes here
    if not (folder / "parcel.json").is_file():
        with durable_folder(folder) as staging:
            items = render(project, client, schedule, staging, {**environ, SLOT: f"{slot.schedule}/{folder.name}"})
            write_parcel(_parcel(client, schedule, slot, staging, items))
    write_text(archive / "index.html", index_page(archive, client.title, client.brand.locale))
    return deliver(
        read_parcel(folder, client.id, slot.schedule, slot.due), client, schedule, slot, book,
        project=project, environ=environ, again=again,
    )  # fmt: skip


def _parcel(client: Client, schedule: Schedule, slot: Slot, folder: Path, items: list[Item]) -> Parcel:
    return Parcel(
        client.id, client.title, client.owner, slot.schedule, slot.due, folder, tuple(items),
        locale=client.brand.locale, timezone=schedule.timezone,
    )  # fmt: skip


def _end(book: SlotBook, slot: Slot, schedule: Schedule, problems: list[Problem]) -> None:
    """Write down how a slot ended, and raise what a caller has to know."""
    if not problems:
        book.end(slot, "delivered")
        return
    sentence = "; ".join(str(problem.error) for problem in problems)
    may_pass = any(isinstance(problem.error, Transient) for problem in problems)
    if may_pass and slot.attempts <= schedule.retries:
        book.end(slot, "planned", sentence)
        raise problems[0].error if len(problems) == 1 else Unreachable(sentence)
    book.end(slot, "failed", sentence)
    if len(problems) == 1 and isinstance(problems[0].error, Terminal):
        raise problems[0].error
    raise DeliveryError(
        f"given up after {slot.attempts} attempts: {sentence}" if may_pass else sentence,
        where=slot.name,
        hint=f"kedro report schedule slot {slot.client} {slot.schedule} --due {slot.due:%Y-%m-%dT%H:%MZ} --again",
    )
