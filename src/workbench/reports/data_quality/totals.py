"""What a reader takes away in ten seconds."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.data_quality.columns import missing_columns, spans
from workbench.reports.html import Html, callout, joined, paragraph, tiles
from workbench.reports.locale import day
from workbench.reports.words import count, percent

__all__ = ["lead", "overview"]


def lead(client: Client, summary: dict[str, Any]) -> Html:
    """What was looked at."""
    tables = summary["tables"]
    which = "One table was" if len(tables) == 1 else f"{len(tables)} tables were"
    text = (
        f"{which} read for {client.title}. Each row was held against the client's schema; rows that do not fit were "
        "set aside, with the reason, and are in no model."
    )
    return paragraph(text, class_="lead")


def overview(client: Client, summary: dict[str, Any]) -> Html:
    """The verdict in one line, and the totals."""
    tables = summary["tables"].values()
    read, kept, bad = (sum(table[name] for table in tables) for name in ("read", "kept", "quarantined"))
    columns = sum(len(table["columns"]) for table in tables)
    newest = max((last for _, _, last in spans(summary)), default=None)
    shown = [
        ("Rows read", count(read), f"in {len(tables)} table{'s' * (len(tables) != 1)}"),
        ("Rows refused", count(bad), f"{percent(bad / read if read else 0, 2)} of them"),
        ("Columns with gaps", count(len(missing_columns(summary))), f"of {columns}"),
    ]
    if newest:
        shown.append(("Newest value", day(newest, short=True), "in any column with a date"))
    return joined(_banner(client, summary, kept), tiles(*shown))


def _banner(client: Client, summary: dict[str, Any], kept: int) -> Html:
    limit = client.budgets.bad_rows_share
    allowed = f"at most {percent(limit, 2)} of a table may be refused" if limit else "no row may be refused"
    over = [
        name for name, table in summary["tables"].items() if table["quarantined_share"] > limit or not table["kept"]
    ]
    if over:
        text = (
            f"{', '.join(over)}: {allowed}, and more was. The run stopped; the tables of the last good run are still "
            "in use."
        )
        return callout("bad", "Too many rows were refused", paragraph(text))
    if any(table["quarantined"] for table in summary["tables"].values()):
        return callout("note", "Some rows were refused, within what is allowed", paragraph(f"Here {allowed}."))
    return callout("good", f"All {count(kept)} rows are good", paragraph("Every row of every table fits its schema."))
