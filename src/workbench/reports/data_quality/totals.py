"""What a reader takes away in ten seconds."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.data_quality.columns import missing_columns, spans
from workbench.reports.html import Html, callout, joined, paragraph, tiles
from workbench.reports.locale import day, say, say_count
from workbench.reports.words import count, percent

__all__ = ["lead", "overview"]


def lead(client: Client, summary: dict[str, Any]) -> Html:
    """What was looked at."""
    tables = summary["tables"]
    which = say_count("One table was", "{many} tables were", len(tables), many=len(tables))
    text = say(
        "{which} read for {title}. Each row was held against the client's schema; rows that do not fit were set "
        "aside, with the reason, and are in no model.",
        which=which,
        title=client.title,
    )
    return paragraph(text, class_="lead")


def overview(client: Client, summary: dict[str, Any]) -> Html:
    """The verdict in one line, and the totals."""
    tables = summary["tables"].values()
    read, kept, bad = (sum(table[name] for table in tables) for name in ("read", "kept", "quarantined"))
    columns = sum(len(table["columns"]) for table in tables)
    newest = max((last for _, _, last in spans(summary)), default=None)
    shown = [
        (
            say("Rows read"),
            count(read),
            say_count("in {many} table", "in {many} tables", len(tables), many=len(tables)),
        ),
        (say("Rows refused"), count(bad), say("{share} of them", share=percent(bad / read if read else 0, 2))),
        (say("Columns with gaps"), count(len(missing_columns(summary))), say("of {columns}", columns=columns)),
    ]
    if newest:
        shown.append((say("Newest value"), day(newest, short=True), say("in any column with a date")))
    return joined(_banner(client, summary, kept), tiles(*shown))


def _banner(client: Client, summary: dict[str, Any], kept: int) -> Html:
    limit = client.budgets.bad_rows_share
    allowed = (
        say("at most {limit} of a table may be refused", limit=percent(limit, 2))
        if limit
        else say("no row may be refused")
    )
    over = [
        name for name, table in summary["tables"].items() if table["quarantined_share"] > limit or not table["kept"]
    ]
    if over:
        text = say(
            "{over}: {allowed}, and more was. The run stopped; the tables of the last good run are still in use.",
            over=", ".join(over),
            allowed=allowed,
        )
        return callout("bad", say("Too many rows were refused"), paragraph(text))
    if any(table["quarantined"] for table in summary["tables"].values()):
        return callout(
            "note",
            say("Some rows were refused, within what is allowed"),
            paragraph(say("Here {allowed}.", allowed=allowed)),
        )
    return callout(
        "good",
        say("All {kept} rows are good", kept=count(kept)),
        paragraph(say("Every row of every table fits its schema.")),
    )
