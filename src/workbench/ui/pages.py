"""The pages as HTML. Whatever comes from a client, the ledger or a file is escaped; nothing is loaded or run."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workbench.fleet.table import clock
from workbench.reports.page import STYLESHEET
from workbench.ui import spark, words
from workbench.ui.detail import Detail
from workbench.ui.overview import Overview

__all__ = ["Answer", "Pages", "View"]

HERE = Path(__file__).parent
SIGNS = {"planned": "◌", "running": "●", "succeeded": "✓", "failed": "✗", "cancelled": "⊘", "crashed": "✗"}
BUSY_EVERY, CALM_EVERY = 3, 30
"""Seconds between two refreshes of a page, while something runs and while nothing does."""

Show = Literal["all", "open", "broken"]


@dataclass(frozen=True)
class View:
    """What a person asked for.

    Attributes:
        show: which clients.
        refresh: whether the page renews itself; a person may stop it, to read in peace.
    """

    show: Show = "all"
    refresh: bool = True

    def address(self, *, show: Show | None = None, refresh: bool | None = None) -> str:
        """The query of the same page, with something else asked for."""
        wanted, renewed = show or self.show, self.refresh if refresh is None else refresh
        asked = [f"show={wanted}"] if wanted != "all" else []
        return "?" + "&".join([*asked, *([] if renewed else ["refresh=off"])])


@dataclass(frozen=True)
class Answer:
    """What goes back to the browser."""

    status: int
    body: bytes
    kind: str = "text/html; charset=utf-8"
    policy: str = "default-src 'none'; frame-ancestors 'none'"
    attachment: str = ""


class Pages:
    """Writes them.

    Args:
        project: the name of the project, for their titles.
    """

    def __init__(self, project: str) -> None:
        self._project = project

    def overview(self, facts: Overview, *, links: dict[str, Any], view: View) -> Answer:
        """The fleet."""
        chosen = {"all": facts.rows, "open": [row for row in facts.rows if row.is_open]}
        rows = chosen.get(view.show, [row for row in facts.rows if row.is_broken])
        is_busy = bool(facts.now or facts.waiting)
        return self._page(
            "fleet.html.j2", facts=facts, rows=rows, links=links, view=view, now=facts.made, is_busy=is_busy
        )

    def detail(self, facts: Detail, *, links: dict[str, Any], view: View) -> Answer:
        """One client."""
        return self._page(
            "client.html.j2", facts=facts, links=links, view=view, now=facts.made, is_busy=bool(facts.now)
        )

    def refusal(self, status: int, title: str, sentence: str) -> Answer:
        """An error, in one sentence."""
        return self._page(
            "refusal.html.j2", status, title=title, sentence=sentence, view=View(refresh=False), is_busy=False
        )

    def _page(self, template: str, status: int = 200, **values: Any) -> Answer:
        every = BUSY_EVERY if values["is_busy"] else CALM_EVERY
        text = _environment().get_template(template).render(
            project=self._project, css=self._css, every=every, signs=SIGNS, **values
        )  # fmt: skip
        return Answer(status, text.encode(), policy=self._policy)

    @cached_property
    def _css(self) -> str:
        own = (HERE / "templates" / "ui.css").read_text(encoding="utf-8")
        return STYLESHEET.read_text(encoding="utf-8") + own

    @cached_property
    def _policy(self) -> str:
        """Only this style sheet, by its digest; the page may be framed by nobody, and sends nothing anywhere."""
        digest = base64.b64encode(hashlib.sha256(self._css.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def time(then: datetime | str | None, now: datetime) -> Any:
        instant = words.instant(then) if isinstance(then, str) else then
        if instant is None:
            return "—"
        text = words.until(instant, now) if instant > now else words.ago(instant, now)
        shape = Markup('<time datetime="{iso}" title="{full}">{text}</time>')
        return shape.format(iso=instant.isoformat(timespec="seconds"), full=words.local(instant), text=text)

    made.filters |= {"clock": clock, "local": words.local, "size": words.size, "number": words.short}
    made.globals |= {"spark": spark.spark, "chart": spark.chart, "time": time}
    return made
