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


def read_parcel(folder: Path) -> Parcel:
    """The parcel that lies in a folder.

    Raises:
        DeliveryError: a file is not what it was when the parcel was made.
    """
    record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    items = tuple(Item(**item) for item in record["files"])
    for item in items:
        if not (folder / item.name).is_file() or sha256_of_file(folder / item.name) != item.sha256:
            raise DeliveryError(
                f"{item.name} is not what was rendered",
                where=f"client {record['client']}, {folder}",
                hint="remove the folder and serve the slot again",
            )
    return Parcel(
        record["client"], record["title"], record["owner"], record["schedule"], datetime.fromisoformat(record["due"]),
        folder, items, tuple(record["summary"]), record.get("locale", "en"), record.get("timezone", "UTC"),
    )  # fmt: skip
