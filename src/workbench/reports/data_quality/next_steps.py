"""What to do about the data: rules from the summary, each with its command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.clients import Client, Schema
from workbench.reports.html import Html, steps
from workbench.reports.locale import say, spoken
from workbench.reports.sentences import REASONS

__all__ = ["next_steps"]

MOSTLY_MISSING = 0.5


def next_steps(client: Client, summary: dict[str, Any], schema: Schema | None) -> Html:
    """An ordered list, what stands in the way first."""
    quarantine = f"data/{client.id}/02_intermediate/quarantine"
    refused = [
        (
            say("Look at the refused rows of {name}", name=name),
            say("Most often: {reasons}.", reasons=spoken(next(iter(one["reasons"])), REASONS)),
            f"{quarantine}/{name}.parquet",
        )
        for name, one in summary["tables"].items()
        if one["reasons"]
    ]
    unchecked = ", ".join(name for name in summary["tables"] if schema is None or name not in schema.tables)
    constant = _columns(summary, lambda profile: profile["distinct"] <= 1 and profile["null_share"] < 1)
    empty = _columns(summary, lambda profile: profile["null_share"] > MOSTLY_MISSING)
    found = [
        *refused,
        (
            say("Write a schema"),
            say("Nothing was checked in {unchecked}.", unchecked=unchecked),
            f"conf/clients/{client.id}/schema.yml",
        )
        if unchecked
        else None,
        (
            say("Ask whether one value is all there is"),
            say("These columns never vary: {constant}.", constant=constant),
            "",
        )
        if constant
        else None,
        (say("Ask why so much is missing"), say("More than half is, in {empty}.", empty=empty), "") if empty else None,
        (
            say("Bring in new rows when there are some"),
            say("Everything that depends on them is made anew."),
            f"kedro run --env clients/{client.id}",
        ),
    ]
    return steps(step for step in found if step)


def _columns(summary: dict[str, Any], found: Callable[[dict[str, Any]], bool]) -> str:
    names = [
        f"{name}.{column}"
        for name, one in summary["tables"].items()
        for column, profile in one["columns"].items()
        if found(profile)
    ]
    return ", ".join(names[:8]) + (say(" and {names} more", names=len(names) - 8) if len(names) > 8 else "")
