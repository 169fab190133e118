"""Whether the data is in order. A fault of it never asks for a training, which would learn the fault: it is watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.monitoring.findings import Finding, Level

__all__ = ["Expected", "QualityRules", "moment_of", "of_columns", "of_freshness", "of_quarantine"]


@dataclass(frozen=True)
class QualityRules:
    """Thresholds of quality, as shares of the rows.

    Attributes:
        quarantined: of a table.
        missing: by which a feature's share of missing values has risen since the training.
        unseen: of a feature, with a category that no training row had.
        fewest_rows: fewer new rows than this decide nothing.
    """

    quarantined: float = 0.01
    missing: float = 0.1
    unseen: float = 0.05
    fewest_rows: int = 100


@dataclass(frozen=True)
class Expected:
    """How old the newest row may be, and who says so."""

    days: float
    because: str


def of_quarantine(tables: Mapping[str, Mapping[str, Any]], rules: QualityRules) -> list[Finding]:
    """The share of each table's rows that ``ingest`` set apart the last time."""
    found = []
    for name, table in sorted(tables.items()):
        share = float(table["quarantined_share"])
        level: Level = "watch" if share > rules.quarantined else "steady"
        sentence = (
            f"{table['quarantined']:,} of {table['read']:,} rows of table '{name}' are in quarantine: a share of "
            f"{share:.3g}, and the threshold is {rules.quarantined:.3g}."
        )
        found.append(Finding(level, "quality", "quarantined share", name, share, rules.quarantined, sentence))
    return found


def of_columns(columns: Sequence[Mapping[str, Any]], rows: int, rules: QualityRules) -> list[Finding]:
    """Values that are missing now and were not, and categories that no training row had.

    Args:
        columns: see :func:`workbench.monitoring.new_rows.drift_rows`.
        rows: new ones.
        rules: thresholds.
    """
    found = []
    for column in columns:
        if column["role"] != "feature":
            continue
        name, rise = column["column"], column["missing_now"] - column["missing_before"]
        said = (
            f"{column['missing_before']:.3g} of the values of '{name}' were missing and {column['missing_now']:.3g} are"
        )
        found.append(_share("missing values", name, rise, rules.missing, rows, rules, f"{said}, a rise of {rise:.3g}"))
        if "unseen" in column:
            said = f"{column['unseen']:.3g} of the new rows have a category of '{name}' that no training row had"
            found.append(_share("unseen categories", name, column["unseen"], rules.unseen, rows, rules, said))
    return found


def _share(  # noqa: PLR0917 - one line of a table
    measure: str, column: str, value: float, threshold: float, rows: int, rules: QualityRules, said: str
) -> Finding:
    level: Level = "watch" if value > threshold and rows >= rules.fewest_rows else "steady"
    sentence = f"{said[:1].upper()}{said[1:]}; the threshold is {threshold:.3g}."
    return Finding(level, "quality", measure, column, value, threshold, sentence)


def of_freshness(newest: datetime | None, expected: Expected | None, now: datetime) -> tuple[list[Finding], list[str]]:
    """How old the newest row is, against what the client's parameters or its schedules expect.

    A row of tomorrow is a clock that is wrong, or a date that was read wrongly: it is watched, too.

    Returns:
        The findings, and as sentences what was not measured.
    """
    if newest is None:
        return [], ["How fresh the rows are was not measured: the client has no column with their time."]
    age = (now - newest) / timedelta(days=1)
    shown = f"{newest:%Y-%m-%d %H:%M}"
    if age < -1:
        sentence = f"The newest row is of {shown} UTC, {-age:,.1f} days from now: a clock or a date is wrong."
        return [Finding("watch", "quality", "age of the newest row in days", "", age, 0.0, sentence)], []
    if expected is None:
        sentence = f"The newest row is of {shown} UTC; no schedule and no parameter says how old it may be."
        return [Finding("steady", "quality", "age of the newest row in days", "", age, None, sentence)], []
    level: Level = "watch" if age > expected.days else "steady"
    sentence = (
        f"The newest row is of {shown} UTC, {max(age, 0.0):,.1f} days old; {expected.days:,.4g} days are allowed, "
        f"by {expected.because}."
    )
    return [Finding(level, "quality", "age of the newest row in days", "", age, expected.days, sentence)], []


def moment_of(text: str | None) -> datetime | None:
    """A moment as the engine writes it, in UTC; None if it is no moment, as of a column of years."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
