"""The sections of the page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from workbench.reports.charts.spark import spark
from workbench.reports.fleet_overview.outliers import AGAINST_ITSELF
from workbench.reports.html import Cell, Html, callout, joined, paragraph, steps, table, tiles
from workbench.reports.locale import day, moment, noted, say, say_count, spoken
from workbench.reports.words import count, metric_words, number, percent, unbroken

__all__ = ["client_table", "lead", "next_steps", "outlier_table", "overview"]

Row = dict[str, Any]
GOOD = "succeeded"
UNDER_WAY = ("planned", "running")
"""Neither good nor bad yet."""

SIGNS = {GOOD: ("✓", "good"), **dict.fromkeys(UNDER_WAY, ("→", ""))}
"""Sign and kind of a state; of any other, it is bad."""

OUTLIERS = (AGAINST_ITSELF,)
MONITOR = {"steady": noted("steady"), "watch": noted("watch"), "retrain": noted("to be trained again")}
DRIFT = {"stable": ("✓", noted("stable")), "watch": ("!", noted("watch")), "drift": ("✗", noted("drifted"))}


def lead(clients: list[Row]) -> Html:
    """Who is on the page."""
    many = say_count("1 client", "{many} clients", len(clients), many=count(len(clients)))
    return paragraph(say("{many}: what ran, what is in use, what stands out.", many=many), class_="lead")


def overview(clients: list[Row], stale_days: int) -> Html:
    """The verdict in one line, and the totals."""
    failing = [row for row in clients if _fails(row)]
    well = sum(row["state"] == GOOD for row in clients)
    old = _stale(clients, stale_days)
    drifted = [row for row in clients if row["drift"] == "drift"]
    shown = tiles(
        (
            say("Last run went well"),
            say("{failing} of {clients}", failing=well, clients=len(clients)),
            say("clients"),
        ),
        (
            say("Without a champion"),
            count(sum(row["champion"] is None for row in clients)),
            say("no version is in use"),
        ),
        (say("Not run lately"), count(len(old)), say("for more than {stale_days} days", stale_days=stale_days)),
        (say("Drifted"), count(len(drifted)), say("new rows unlike the training rows")),
    )
    if not failing and well < len(clients):
        runs = len(clients) - well
        told = say_count("One run is under way", "{many} runs are under way", runs, many=count(runs))
        return joined(callout("note", told, paragraph(say("No client needs a look."))), shown)
    if not failing:
        return joined(callout("good", say("Every client's last run went well")), shown)
    names = ", ".join(f"{row['client']} ({say(row['state'])})" for row in failing[:8])
    return joined(
        callout(
            "bad",
            say_count(
                "{failing} of {clients} needs a look",
                "{failing} of {clients} need a look",
                len(failing),
                failing=len(failing),
                clients=len(clients),
            ),
            paragraph(f"{names}."),
        ),
        shown,
    )


def _fails(row: Row) -> bool:
    return row["state"] != GOOD and row["state"] not in UNDER_WAY


def _stale(clients: list[Row], days: int) -> list[Row]:
    """Those that have not run for so many days, and do not run now."""
    limit = datetime.now(UTC) - timedelta(days=days)
    resting = [row for row in clients if row["state"] not in UNDER_WAY]
    return [row for row in resting if not row["finished"] or datetime.fromisoformat(row["finished"]) < limit]


def client_table(clients: list[Row], trend: list[Row]) -> Html:
    """One row a client, those that need a look first."""
    ordered = sorted(clients, key=lambda row: (not _fails(row), row["client"]))
    header = [say("Client"), say("Last run"), say("Champion"), say("Metric"), say("Trend"), say("Data"), say("Drift")]
    return table(header, [_cells(row, trend) for row in ordered], numbers=[3])


def _cells(row: Row, trend: list[Row]) -> list[Cell | str | Html]:
    words = metric_words(row["metric"]) if row["metric"] else None
    sign, kind = SIGNS.get(row["state"], ("✗", "bad"))
    refused = (
        say("; {refused_share} refused", refused_share=percent(row["refused_share"], 2)) if row["refused_share"] else ""
    )
    return [
        Cell(row["title"], note=row["client"]),
        Cell(unbroken(f"{sign} {say(row['state'])}"), kind, _moment(row["finished"])),
        Cell(
            say("version {champion}", champion=row["champion"]) if row["champion"] else "—",
            "" if row["champion"] else "quiet",
        ),
        Cell(words.show(row["value"]) if words else "—", note=unbroken(words.label) if words else ""),
        _trend(row["client"], trend),
        Cell(
            _day(row["newest_data"]),
            note=unbroken(say("{read} rows{refused}", read=count(row["read"]), refused=refused), 1)
            if row["read"]
            else "",
        ),
        Cell(_drift(row["drift"]), "bad" if row["drift"] == "drift" else "", _monitor(row.get("monitor"))),
    ]


def _drift(state: str | None) -> str:
    if state not in DRIFT:
        return "—"
    sign, word = DRIFT[state]
    return unbroken(f"{sign} {say(word)}")


def _monitor(verdict: str | None) -> str:
    return unbroken(say("monitor: {verdict}", verdict=say(MONITOR[verdict]))) if verdict in MONITOR else ""


def _trend(client: str, trend: list[Row]) -> Html | str:
    values = [row["value"] for row in trend if row["client"] == client]
    if not values:
        return "—"
    told = say_count(
        "{client}: one run, {values_3}",
        "{client}: {values} runs, from {values_2} to {values_3}",
        len(values),
        client=client,
        values=len(values),
        values_2=number(values[0]),
        values_3=number(values[-1]),
    )
    return spark(values, told)


def _moment(text: str | None) -> str:
    if not text:
        return ""
    return unbroken(moment(datetime.fromisoformat(text), short=True))


def _day(text: str | None) -> str:
    if not text:
        return "—"
    return unbroken(day(date.fromisoformat(text), short=True))


def outlier_table(outliers: list[Row], clients: list[Row]) -> Html:
    """What is unlike the other clients, or unlike the client's own past."""
    if not outliers:
        few = say(" Fewer than five clients cannot be compared with each other.") if len(clients) < 5 else ""
        return paragraph(say("Nothing stands out.{few}", few=few))
    rows = [
        [
            row["client"],
            spoken(row["what"], OUTLIERS),
            number(row["value"]),
            number(row["usual"]),
            f"{row['score']:+.1f}",
        ]
        for row in outliers
    ]
    caption = say("Score: how many standard deviations from the median, by the median absolute deviation; from 3.5 on.")
    return table(
        [say("Client"), say("What"), say("Value"), say("Median"), say("Score")],
        rows,
        numbers=[2, 3, 4],
        caption=caption,
    )


def next_steps(clients: list[Row], stale_days: int) -> Html:
    """What to do, client by client, failures first."""
    old = {row["client"] for row in _stale(clients, stale_days)}
    found = [step for row in clients if (step := _step(row, stale_days, old=row["client"] in old))]
    return steps(found) if found else paragraph(say("Nothing."))


def _step(row: Row, stale_days: int, *, old: bool) -> tuple[str, str, str] | None:
    """What matters most about one client, if anything does."""
    name, run = row["client"], f"kedro run --env clients/{row['client']}"
    if row["state"] == "misconfigured":
        return say("Correct the configuration of {name}", name=name), row["error"], f"kedro client check {name}"
    if row["state"] == "never ran":
        return say("Run {name} for the first time", name=name), "", run
    if _fails(row):
        return say("Look at what happened to {name}", name=name), row["error"] or "", f"kedro fleet log {name}"
    if row.get("monitor") == "retrain":
        command = f"kedro fleet run --clients {name}"
        return say("Train {name} again", name=name), row.get("monitor_reason") or "", command
    if row["drift"] == "drift":
        why = say("New rows are unlike those that its model learned from.")
        return say("Look at the drift of {name}", name=name), why, f"kedro report run drift --clients {name}"
    return (
        (
            say("Run {name} again", name=name),
            say("It has not run for more than {stale_days} days.", stale_days=stale_days),
            run,
        )
        if old
        else None
    )
