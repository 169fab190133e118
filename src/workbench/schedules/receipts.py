"""Delivers a parcel to everyone who is to get it, once each, and keeps a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench import audit
from workbench.clients import Client
from workbench.clients.schedule import Schedule
from workbench.delivery import Courier, Parcel, courier_for
from workbench.errors import DeliveryInDoubt, WorkbenchError
from workbench.retrying import persistently
from workbench.schedules.book import SlotBook
from workbench.schedules.slot import Receipt, Slot

__all__ = ["Problem", "deliver"]


@dataclass(frozen=True)
class Problem:
    """Why one recipient did not get a parcel, or nobody did."""

    error: WorkbenchError


def deliver(
    parcel: Parcel,
    client: Client,
    schedule: Schedule,
    slot: Slot,
    book: SlotBook,
    *,
    project: Path,
    environ: Mapping[str, str],
    again: bool = False,
) -> list[Problem]:
    """Deliver to each recipient of each destination that has no receipt yet.

    One destination's failure keeps no other from its parcel.

    Args:
        parcel: what is delivered.
        client: whose.
        schedule: names the destinations.
        slot: the slot, running.
        book: where receipts are kept.
        project: the project's folder.
        environ: where the operator names folders.
        again: a person has looked, and what is in doubt is to be sent once more.

    Returns:
        What went wrong; empty if all recipients have it.
    """
    known = {(receipt.destination, receipt.recipient): receipt for receipt in book.receipts([slot.number])}
    problems = []
    for name in dict.fromkeys(schedule.deliver):
        try:
            courier = courier_for(client.deliver[name], project=project, client=client.id, environ=environ)
        except WorkbenchError as error:
            problems.append(Problem(error))
            continue
        for recipient in dict.fromkeys(courier.recipients):  # who is named twice gets one
            try:
                receipt = known.get((name, recipient))
                if receipt is not None and receipt.state == "sent":
                    continue
                _deliver_one(parcel, slot, book, courier, name, recipient, receipt, again=again)
                _put_on_record(project, slot, name, parcel)
            except WorkbenchError as error:
                problems.append(Problem(error))
    return problems


def _put_on_record(project: Path, slot: Slot, destination: str, parcel: Parcel) -> None:
    # To whom is in the receipt: an address may be a person's.
    audit.record(
        project,
        "report.delivered",
        client=slot.client,
        slot=slot.number,
        schedule=slot.schedule,
        destination=destination,
        sha256=parcel.digest,
    )


def _deliver_one(  # noqa: PLR0917
    parcel: Parcel, slot: Slot, book: SlotBook, courier: Courier, destination: str, recipient: str,
    receipt: Receipt | None, *, again: bool,
) -> None:  # fmt: skip
    if receipt is not None and receipt.state in {"sending", "in doubt"} and not (courier.may_repeat or again):
        why = receipt.result or "the process died while it was sending"
        book.sent(slot, destination, recipient, "in doubt", why)
        raise _in_doubt(slot, destination, recipient, why)
    templates = ",".join(dict.fromkeys(f"{item.template}@{item.template_sha256}" for item in parcel.items))
    book.sending(slot, destination, recipient, digest=parcel.digest, templates=templates)
    try:
        result = persistently(lambda: courier.send(parcel, recipient))
    except DeliveryInDoubt as error:
        book.sent(slot, destination, recipient, "in doubt", str(error))
        raise _in_doubt(slot, destination, recipient, str(error)) from error
    except WorkbenchError as error:
        book.sent(slot, destination, recipient, "failed", str(error))
        raise
    book.sent(slot, destination, recipient, "sent", result)


def _in_doubt(slot: Slot, destination: str, recipient: str, why: str) -> DeliveryInDoubt:
    return DeliveryInDoubt(
        f"it is not known if {recipient} got it ({why})",
        where=f"{slot.name}, {destination}",
        hint=f"ask there; to send it once more: kedro report schedule slot {slot.client} {slot.schedule} "
        f"--due {slot.due:%Y-%m-%dT%H:%MZ} --again",
    )
