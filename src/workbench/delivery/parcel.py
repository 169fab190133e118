"""What is delivered: the reports of one slot, and what is said about them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from workbench.reports.locale import day, say

__all__ = ["Item", "Parcel"]

MEDIA = {".html": "text/html", ".pdf": "application/pdf"}


@dataclass(frozen=True)
class Item:
    """One file of a parcel.

    Attributes:
        name: the file's name in the parcel's folder.
        title: what people call the report.
        sha256: of its bytes, hexadecimal.
        size: in bytes.
        template: the notebook that it was made from.
        template_sha256: of that notebook's bytes.
    """

    name: str
    title: str
    sha256: str
    size: int
    template: str
    template_sha256: str

    @property
    def media(self) -> str:
        """Its media type (RFC 6838)."""
        return MEDIA[Path(self.name).suffix]


@dataclass(frozen=True)
class Parcel:
    """The reports of one slot.

    Attributes:
        client: whose they are.
        title: the client's name for people.
        owner: who answers for the client here.
        schedule: the name of the schedule.
        due: the slot, in UTC.
        folder: where the files lie.
        items: the files, in the order of the templates.
        summary: a few sentences for people, the most important first.
        locale: the client's; messages are written in its language.
        timezone: IANA, of the schedule; on which day the slot was depends on it.
    """

    client: str
    title: str
    owner: str
    schedule: str
    due: datetime
    folder: Path
    items: tuple[Item, ...]
    summary: tuple[str, ...] = ()
    locale: str = "en"
    timezone: str = "UTC"

    @property
    def slot(self) -> str:
        """The slot as a name: ``20261124T060000Z``."""
        return f"{self.due:%Y%m%dT%H%M%SZ}"

    @property
    def key(self) -> str:
        """Names this parcel wherever it goes, the same each time it is sent: ``skyways/weekly/20261124T060000Z``."""
        return f"{self.client}/{self.schedule}/{self.slot}"

    @property
    def digest(self) -> str:
        """Hexadecimal sha256 over the names and digests of the files."""
        return hashlib.sha256(json.dumps([(item.name, item.sha256) for item in self.items]).encode()).hexdigest()

    @property
    def day(self) -> str:
        """The slot's day, as the client's people write it."""
        return day(self.due.astimezone(ZoneInfo(self.timezone)).date(), locale=self.locale)

    @property
    def contact(self) -> str:
        """Whom people may ask, in their language."""
        return say("Questions to {owner}", owner=self.owner, in_locale=self.locale)

    @property
    def subject(self) -> str:
        """One line for people."""
        titles = ", ".join(dict.fromkeys(item.title for item in self.items))
        return say("{title}: {titles}", title=self.title, titles=titles, in_locale=self.locale)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; names no path of this machine."""
        return {
            "client": self.client,
            "title": self.title,
            "owner": self.owner,
            "schedule": self.schedule,
            "due": self.due.isoformat(),
            "locale": self.locale,
            "timezone": self.timezone,
            "digest": self.digest,
            "files": [vars(item) for item in self.items],
            "summary": list(self.summary),
        }
