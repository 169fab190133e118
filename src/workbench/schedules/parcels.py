"""A slot's folder: the reports, and ``parcel.json``, which says what they are."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from workbench.delivery import Item, Parcel
from workbench.errors import DeliveryError
from workbench.files import sha256_of_file, write_text
from workbench.schedules.summary import summary_of

__all__ = ["read_parcel", "write_parcel"]

FILE = "parcel.json"


def write_parcel(parcel: Parcel) -> None:
    """Write ``parcel.json`` beside the files, with a summary of the first page among them."""
    page = next((item.name for item in parcel.items if item.name.endswith(".html")), None)
    text = (parcel.folder / page).read_text(encoding="utf-8") if page else ""
    record = parcel.to_dict() | {"summary": summary_of(text)}
    write_text(parcel.folder / FILE, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def read_parcel(folder: Path, client: str, schedule: str, due: datetime) -> Parcel:
    """The parcel of a slot, which lies in its folder.

    Args:
        folder: the slot's.
        client: whose slot it is.
        schedule: the name of its schedule.
        due: the slot.

    Raises:
        DeliveryError: it is another slot's or another client's, or a file is not what it was when the parcel was made.
    """
    where, again = f"client {client}, {folder}", "remove the folder and serve the slot again"
    record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    made_for = (record["client"], record["schedule"], datetime.fromisoformat(record["due"]))
    if made_for != (client, schedule, due):
        raise DeliveryError(
            f"{FILE} is that of {made_for[0]} {made_for[1]} {record['due']}, and is sent to nobody",
            where=where,
            hint=again,
        )
    items = tuple(Item(**item) for item in record["files"])
    for item in items:
        path = folder / item.name
        inside = Path(item.name).name == item.name and not path.is_symlink()
        if not inside or not path.is_file() or sha256_of_file(path) != item.sha256:
            raise DeliveryError(f"{item.name} is not what was rendered", where=where, hint=again)
    return Parcel(
        client, record["title"], record["owner"], schedule, due, folder,
        items, tuple(record["summary"]), record.get("locale", "en"), record.get("timezone", "UTC"),
    )  # fmt: skip
