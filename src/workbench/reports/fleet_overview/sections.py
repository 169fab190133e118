"""The sections of the page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from workbench.reports.charts.spark import spark
from workbench.reports.html import Cell, Html, callout, joined, paragraph, steps, table, tiles
from workbench.reports.locale import day, moment
from workbench.reports.words import count, metric_words, number, percent

__all__ = ["client_table", "lead", "next_steps", "outlier_table", "overview"]

Row = dict[str, Any]
GOOD = "succeeded"
DRIFT = {
    "stable": "✓\N{NO-BREAK SPACE}stable",
    "watch": "!\N{NO-BREAK SPACE}watch",
    "drift": "✗\N{NO-BREAK SPACE}drifted",
}


def lead(clients: list[Row]) -> Html:
    """Who is on the page."""
    many = "1 client" if len(clients) == 1 else f"{count(len(clients))} clients"
    return paragraph(f"{many}: what ran, what is in use, what stands out.", class_="lead")


def overview(clients: list[Row], stale_days: int) -> Html:
    """The verdict in one line, and the totals."""
    failing = [row for row in clients if row["state"] != GOOD]
    old = _stale(clients, stale_days)
    drifted = [row for row in clients if row["drift"] == "drift"]
    shown = tiles(
        ("Last run went well", f"{len(clients) - len(failing)} of {len(clients)}", "clients"),
        ("Without a champion", count(sum(row["champion"] is None for row in clients)), "no version is in use"),
        ("Not run lately", count(len(old)), f"for more than {stale_days} days"),
        ("Drifted", count(len(drifted)), "new rows unlike the training rows"),
    )
    if not failing:
        return joined(callout("good", "Every client's last run went well"), shown)
    names = ", ".join(f"{row['client']} ({row['state']})" for row in failing[:8])
    return joined(callout("bad", f"{len(failing)} of {len(clients)} need a look", paragraph(f"{names}.")), shown)


def _stale(clients: list[Row], days: int) -> list[Row]:
    limit = datetime.now(UTC) - timedelta(days=days)
    return [row for row in clients if not row["finished"] or datetime.fromisoformat(row["finished"]) < limit]


def client_table(clients: list[Row], trend: list[Row]) -> Html:
    """One row a client, those that need a look first."""
    ordered = sorted(clients, key=lambda row: (row["state"] == GOOD, row["client"]))
    header = ["Client", "Last run", "Champion", "Metric", "Trend", "Data", "Drift"]
    return table(header, [_cells(row, trend) for row in ordered], numbers=[2, 3])


def _cells(row: Row, trend: list[Row]) -> list[Cell | str | Html]:
    words = metric_words(row["metric"]) if row["metric"] else None
    well = row["state"] == GOOD
    refused = f"; {percent(row['refused_share'], 2)} refused" if row["refused_share"] else ""
    return [
        Cell(row["title"], note=row["client"]),
        Cell(("✓ " if well else "✗ ") + row["state"], "good" if well else "bad", _moment(row["finished"])),
        Cell(f"version {row['champion']}" if row["champion"] else "—", "" if row["champion"] else "quiet"),
        Cell(words.show(row["value"]) if words else "—", note=words.label if words else ""),
        _trend(row["client"], trend),
        Cell(_day(row["newest_data"]), note=f"{count(row['read'])} rows{refused}" if row["read"] else ""),
        Cell(DRIFT.get(row["drift"], "—").replace(" ", "\N{NO-BREAK SPACE}"), "bad" if row["drift"] == "drift" else ""),
    ]


def _trend(client: str, trend: list[Row]) -> Html | str:
    values = [row["value"] for row in trend if row["client"] == client]
    if not values:
        return "—"
    return spark(values, f"{client}: {len(values)} runs, from {number(values[0])} to {number(values[-1])}")


def _moment(text: str | None) -> str:
    if not text:
        return ""
    return moment(datetime.fromisoformat(text), short=True)


def _day(text: str | None) -> str:
    if not text:
        return "—"
    return day(date.fromisoformat(text), short=True)


def outlier_table(outliers: list[Row], clients: list[Row]) -> Html:
    """What is unlike the other clients, or unlike the client's own past."""
    if not outliers:
        few = " Fewer than five clients cannot be compared with each other." if len(clients) < 5 else ""
        return paragraph(f"Nothing stands out.{few}")
    rows = [
        [row["client"], row["what"], number(row["value"]), number(row["usual"]), f"{row['score']:+.1f}"]
        for row in outliers
    ]
    caption = "Score: how many standard deviations from the median, by the median absolute deviation; from 3.5 on."
    return table(["Client", "What", "Value", "Median", "Score"], rows, numbers=[2, 3, 4], caption=caption)


def next_steps(clients: list[Row], stale_days: int) -> Html:
    """What to do, client by client, failures first."""
    old = {row["client"] for row in _stale(clients, stale_days)}
    found = [step for row in clients if (step := _step(row, stale_days, old=row["client"] in old))]
    return steps(found) if found else paragraph("Nothing.")


def _step(row: Row, stale_days: int, *, old: bool) -> tuple[str, str, str] | None:
    """What matters most about one client, if anything does."""
    name, run = row["client"], f"kedro run --env clients/{row['client']}"
    if row["state"] == "misconfigured":
        return f"Correct the configuration of {name}", row["error"], f"kedro client check {name}"
    if row["state"] == "never ran":
        return f"Run {name} for the first time", "", run
    if row["state"] != GOOD:
        return f"Look at what happened to {name}", row["error"] or "", f"kedro fleet log {name}"
    if row["drift"] == "drift":
        why = "New rows are unlike those that its model learned from."
        return f"Look at the drift of {name}", why, f"kedro report run drift --clients {name}"
    return (f"Run {name} again", f"It has not run for more than {stale_days} days.", run) if old else None
