"""The sections of the page."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.clients import Client
from workbench.reports.executive import numbers as named
from workbench.reports.executive.health import ANSWERS, BAD, GOOD, WATCH, sign
from workbench.reports.executive.numbers import fact
from workbench.reports.html import Cell, Html, callout, joined, paragraph, steps, table, tiles
from workbench.reports.locale import day, say, say_count, spoken
from workbench.reports.words import count, metric_words, of_100

__all__ = ["health", "lead", "next_steps", "overview"]


def lead(client: Client) -> Html:
    """What the model does, in the client's own words."""
    return paragraph(
        client.description or say("Predicts {target}.", target=client.target.replace("_", " ")), class_="lead"
    )


def overview(facts: list[dict[str, Any]], checks: list[dict[str, Any]]) -> Html:
    """Whether all is well, and four numbers."""
    newest, refused = fact(facts, named.NEWEST), fact(facts, named.REFUSED)
    shown = [
        (say("Cases scored"), count(fact(facts, named.SCORED)), say("each has the model's prediction")),
        (
            say("Rows of data"),
            count(fact(facts, named.READ)),
            say("none of them refused as faulty")
            if refused == 0
            else say_count(
                "{refused} of them refused as faulty",
                "{refused} of them refused as faulty",
                refused,
                refused=count(refused),
            ),
        ),
        (
            say("Unlike the past"),
            count(fact(facts, named.MOVED)),
            say("of {watched} things that it looks at", watched=count(fact(facts, named.WATCHED))),
        ),
    ]
    if newest:
        shown.append((say("Newest data"), day(date.fromisoformat(newest), short=True), say("the latest date in it")))
    return joined(_banner(checks), _quality(facts), tiles(*shown))


def _banner(checks: list[dict[str, Any]]) -> Html:
    states = [check["state"] for check in checks]
    if BAD in states:
        return callout(
            "bad", say("Something needs to be done"), paragraph(say("See below what it is, and who does it."))
        )
    if WATCH in states:
        return callout("note", say("It works; something is worth a look"), paragraph(say("See below what it is.")))
    return callout("good", say("All is well"), paragraph(say("Nothing needs to be done.")))


def _quality(facts: list[dict[str, Any]]) -> Html:
    value, words = fact(facts, named.QUALITY), metric_words(fact(facts, named.MEASURE))
    if value is None:
        return paragraph(say("How good the predictions are cannot be said yet: all cases tested have the same answer."))
    tested = say("This was found on {tested} cases that it had never seen.", tested=count(fact(facts, named.TESTED)))
    if fact(facts, named.MEASURE) == "roc_auc":
        right = say(
            "Of two cases, one of each kind, it picks the right one {value} times in 100; a coin gets 50.",
            value=of_100(value),
        )
        return paragraph(f"{right} {tested}")
    return paragraph(f"{words.reading(value)} {tested}")


def health(checks: list[dict[str, Any]]) -> Html:
    """Question by question."""
    kinds = {GOOD: "good", WATCH: "", BAD: "bad"}
    rows: list[list[Cell | str]] = [
        [say(check["check"]), Cell(sign(check["state"]), kinds[check["state"]]), spoken(check["answer"], ANSWERS)]
        for check in checks
    ]
    return table([say("Question"), "", say("Answer")], rows)


def next_steps(client: Client, checks: list[dict[str, Any]]) -> Html:
    """What we do, what matters most first, and whom to ask."""
    order = (BAD, WATCH, GOOD)
    found = [
        (say(check["next"]).rstrip("."), "", "")
        for check in sorted(checks, key=lambda check: order.index(check["state"]))
        if check["next"]
    ]
    found.append(
        (say("We bring in new data and report again"), say("Questions and wishes to {owner}.", owner=client.owner), "")
    )
    return steps(found)
