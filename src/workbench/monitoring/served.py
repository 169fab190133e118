"""What was served: how much, by which versions, and how far it is from what the champion learned from.

A log holds rows without labels, and no training reads it. So what it shows is watched, and asks for no training: when
labels come, the same rows are new rows of the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.drift.measure import Limits
from workbench.engines import fetch
from workbench.monitoring.baseline import Baseline
from workbench.monitoring.new_rows import drift_rows

if TYPE_CHECKING:
    from workbench.monitoring.log_table import ServedRows

__all__ = ["about_lines", "measure_served"]

MOST_VERSIONS = 50


def measure_served(served: ServedRows, version: int, baseline: Baseline | None, limits: Limits) -> dict[str, Any]:
    """Measure a log.

    Args:
        served: the log.
        version: the champion's.
        baseline: what it learned from; None if that is not known.
        limits: what counts as drift.

    Returns:
        JSON. ``log`` (whether there is one), ``lines`` (see :class:`workbench.monitoring.log_table.ServedRows`),
        ``days`` (``day`` and ``rows``, oldest first), ``versions`` (``version``, ``rows``, ``share``, the most served
        first), ``rows`` (the champion's), ``columns``, ``not_logged`` (features).
    """
    found: dict[str, Any] = {
        "log": served.table is not None,
        "lines": dict(served.lines),
        "days": [],
        "versions": [],
        "rows": 0,
        "columns": [],
        "not_logged": [],
    }
    table = served.table
    if table is None or not served.lines["rows"]:
        return found
    days = table.group_by(day=table.at.date().cast("string")).aggregate(rows=table.count())
    versions = table.group_by("version").aggregate(rows=table.count())
    total = served.lines["rows"]
    ordered = fetch(versions.order_by(versions["rows"].desc(), "version").limit(MOST_VERSIONS))
    mine = next((one["rows"] for one in ordered if one["version"] == str(version)), 0)
    found |= {
        "days": fetch(days.order_by("day")),
        "versions": [{**one, "version": one["version"][:64], "share": one["rows"] / total} for one in ordered],
        "rows": mine,
    }
    if not mine or baseline is None:
        return found
    rows, missing = served.features_of(str(version))
    roles = {"feature": [one for one in baseline.features if one.name not in missing]}
    return found | {
        "columns": [
            *drift_rows(roles, rows, limits),
            *drift_rows({"prediction": baseline.prediction}, served.predictions_of(str(version)), limits),
        ],
        "not_logged": missing,
    }


def about_lines(measured: dict[str, Any], version: int) -> list[str]:
    """What is to be said of a log, as sentences."""
    if not measured["log"]:
        return ["Nothing was served here: there is no prediction log, so nothing of it was measured."]
    lines, notes = measured["lines"], []
    said = {
        "unreadable": "are no lines of a prediction log (torn or damaged), and were left out",
        "foreign": "are another model's, and were refused: they do not belong into this client's log",
        "future": "are dated later than now, and were left out: a clock is wrong",
        "with_unknown_fields": "have fields that this version of the workbench does not know, which were not looked at",
    }
    notes += [f"{lines[name]:,} of {lines['lines']:,} lines {text}." for name, text in said.items() if lines[name]]
    if lines["rows"] and not measured["rows"]:
        others = ", ".join(f"{one['version']} ({one['share']:.0%})" for one in measured["versions"][:5])
        notes.append(f"The champion, version {version}, served nothing in these days; others did: {others}.")
    if measured["not_logged"]:
        many = len(measured["not_logged"])
        names = ", ".join(measured["not_logged"][:5]) + (", …" if many > 5 else "")
        notes.append(f"{many} features are not in the log ({names}): they are personal, or the client logs none.")
    return notes
