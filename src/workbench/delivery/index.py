"""The page that lists a client's reports: static, and served by anything."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from workbench.reports.html import Html, joined, paragraph, table, tag
from workbench.reports.locale import moment, say
from workbench.reports.look import Look
from workbench.reports.page import Heading, shell

__all__ = ["index_page"]

SHOWN = 200
"""Slots of a schedule that are listed, the newest first; the folders of older ones stay."""


def index_page(folder: Path, title: str, locale: str = "en") -> str:
    """The page for a folder that holds ``<schedule>/<slot>/parcel.json``.

    Args:
        folder: where the slots' folders lie; the page's links are relative to it.
        title: the client's name for people.
        locale: the client's; the page is written in its language.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [(name, slots) for name in names if (slots := _slots(folder / name))]
    sections = [
        (name, _words(name), joined(tag("h2", _words(name)), _table(name, slots, locale))) for name, slots in found
    ]
    lead = Html("") if sections else paragraph(say("No report yet.", in_locale=locale))
    return shell(Heading(title, say("Reports", in_locale=locale), look=Look(locale=locale)), lead, sections)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _slots(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """(slot, what its parcel.json says), the newest first."""
    slots = sorted(
        (path for path in folder.glob("*/parcel.json") if not path.parent.name.startswith(".")), reverse=True
    )
    return [(path.parent.name, json.loads(path.read_text(encoding="utf-8"))) for path in slots[:SHOWN]]


def _table(schedule: str, slots: list[tuple[str, dict[str, Any]]], locale: str) -> Html:
    rows = [
        [
            _when(parcel, locale),
            joined(*(_link(schedule, slot, item) for item in parcel["files"])),
        ]
        for slot, parcel in slots
    ]
    return table([say("For", in_locale=locale), say("Reports", in_locale=locale)], rows)


def _when(parcel: dict[str, Any], locale: str) -> str:
    """The slot by the clock of the schedule, and which clock that is."""
    zone = parcel.get("timezone", "UTC")
    when = datetime.fromisoformat(parcel["due"]).astimezone(ZoneInfo(zone))
    return f"{moment(when, locale=locale)} {zone.replace('_', ' ')}"


def _link(schedule: str, slot: str, item: dict[str, Any]) -> Html:
    kind = Path(item["name"]).suffix.lstrip(".").upper()
    text = item["title"] if kind == "HTML" else f"{item['title']} ({kind})"
    return tag("div", tag("a", text, href="/".join(quote(part, safe="") for part in (schedule, slot, item["name"]))))
