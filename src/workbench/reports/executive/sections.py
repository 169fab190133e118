"""The sections of the page."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.clients import Client
from workbench.reports.executive import numbers as named
from workbench.reports.executive.health import BAD, GOOD, WATCH
from workbench.reports.executive.numbers import fact
from workbench.reports.html import Cell, Html, callout, joined, paragraph, steps, table, tiles
from workbench.reports.locale import day
from workbench.reports.words import count, metric_words

__all__ = ["health", "lead", "next_steps", "overview"]

SIGNS = {GOOD: "✓\N{NO-BREAK SPACE}yes", WATCH: "!\N{NO-BREAK SPACE}look", BAD: "✗\N{NO-BREAK SPACE}act"}


def lead(client: Client) -> Html:
    """What the model does, in the client's own words."""
    return paragraph(client.description or f"Predicts {client.target.replace('_', ' ')}.", class_="lead")


def overview(facts: list[dict[str, Any]], checks: list[dict[str, Any]]) -> Html:
    """Whether all is well, and four numbers."""
    newest = fact(facts, named.NEWEST)
    shown = [
        ("Cases scored", count(fact(facts, named.SCORED)), "each has the model's prediction"),
        (
            "Rows of data",
            count(fact(facts, named.READ)),
            f"{count(fact(facts, named.REFUSED))} of them refused as faulty",
        ),
        (
            "Unlike the past",
            count(fact(facts, named.MOVED)),
            f"of {count(fact(facts, named.WATCHED))} things that it looks at",
        ),
    ]
    if newest:
        shown.append(("Newest data", day(date.fromisoformat(newest), short=True), "the latest date in it"))
    return joined(_banner(checks), _quality(facts), tiles(*shown))


def _banner(checks: list[dict[str, Any]]) -> Html:
    states = [check["state"] for check in checks]
    if BAD in states:
        return callout("bad", "Something needs to be done", paragraph("What it is, and who does it, is said below."))
    if WATCH in states:
        return callout("note", "It works; something is worth a look", paragraph("What it is, is said below."))
    return callout("good", "All is well", paragraph("Nothing needs to be done."))


def _quality(facts: list[dict[str, Any]]) -> Html:
    value, words = fact(facts, named.QUALITY), metric_words(fact(facts, named.MEASURE))
    if value is None:
        return paragraph("How good the predictions are cannot be said yet: all cases tested have the same answer.")
    tested = f"This was found on {count(fact(facts, named.TESTED))} cases that were kept from it."
    if words.label == "ROC AUC":
        right = (
            f"Of two cases, one of each kind, it picks the right one {100 * value:.0f} times in 100; a coin gets 50."
        )
        return paragraph(f"{right} {tested}")
    return paragraph(f"{words.reading(value)} {tested}")


def health(checks: list[dict[str, Any]]) -> Html:
    """Question by question."""
    kinds = {GOOD: "good", WATCH: "", BAD: "bad"}
    rows = [[check["check"], Cell(SIGNS[check["state"]], kinds[check["state"]]), check["answer"]] for check in checks]
    return table(["Question", "", "Answer"], rows)


def next_steps(client: Client, checks: list[dict[str, Any]]) -> Html:
    """What we do, what matters most first, and whom to ask."""
    order = (BAD, WATCH, GOOD)
    found = [
        (check["next"].rstrip("."), "", "")
        for check in sorted(checks, key=lambda check: order.index(check["state"]))
        if check["next"]
    ]
    found.append(("We bring in new data and report again", f"Questions and wishes to {client.owner}.", ""))
    return steps(found)
