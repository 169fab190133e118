"""What the training rows say about each column: one row of aggregates for every fifty columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.prepare.labels import finite
from workbench.engines import fetch
from workbench.schemas.wide import parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Kind", "Profile", "as_date", "as_number", "kind_of_type", "profile", "query"]

Kind = Literal["number", "category", "date", "other"]

_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?$"
_CODE = r"^[+-]?0\d"
"""A leading zero, as in 00417, makes a code of a number."""


@dataclass(frozen=True)
class Profile:
    """One column of the training rows.

    Attributes:
        kind: what it holds. Text in which every value is a number, or an ISO date, is that.
        rows: all rows.
        present: rows with a value.
        values: different values.
        pairs: different pairs of value and label; a missing value counts as one.
        parted: whether one threshold on the number parts the two classes.
        told: whether the value is there for all of one class and for none of the other.
        correlation: of the number with a label that is a number.
        ahead: rows whose date lies after the row's own time.
        clock: whether any date has a time of day.
        discrete: whether it is text or a whole number, as identifiers are.
    """

    kind: Kind
    rows: int
    present: int
    values: int = 0
    pairs: int = 0
    parted: bool = False
    told: bool = False
    correlation: float = 0.0
    ahead: int = 0
    clock: bool = False
    discrete: bool = False

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.present


def as_number(column: ir.Column) -> ir.Column:
    """float64; NaN, infinities and text that is no number are missing."""
    return finite(column.try_cast("float64") if column.type().is_string() else column.cast("float64"))


def as_date(column: ir.Column) -> ir.Column:
    """Timestamp; text that is no date is missing."""
    return column.try_cast("timestamp") if column.type().is_string() else column.cast("timestamp")


def profile(
    train: ir.Table, columns: Sequence[str], label: ir.Column, *, time: str | None, two_classes: bool
) -> dict[str, Profile]:
    """Profile columns of the training rows.

    Args:
        train: the rows.
        columns: which of its columns.
        label: the encoded target, a column of `train`: 0 and 1, a number, or the name of a class.
        time: the column that says when a row was known.
        two_classes: whether the label is 0 and 1.
    """
    found: dict[str, Profile] = {}
    for names in parts(columns):
        row = fetch(query(train, names, label, time=time, two_classes=two_classes))[0]
        found |= {
            name: _profile(train[name], row["rows"], _of(row, position), two_classes=two_classes)
            for position, name in enumerate(names)
        }
    return found


def query(
    train: ir.Table, columns: Sequence[str], label: ir.Column, *, time: str | None, two_classes: bool
) -> ir.Table:
    """What :func:`profile` asks of some columns: one row of aggregates."""
    measures: dict[str, ir.Scalar] = {"rows": train.count()}
    for position, name in enumerate(columns):
        at = None if time is None else train[time]
        found = _measures(train[name], label, at, two_classes=two_classes)
        # Numbered, because a column may be called anything.
        measures |= {f"{position} {measure}": value for measure, value in found.items()}
    return train.aggregate(**measures)


def _measures(column: ir.Column, label: ir.Column, at: ir.Column | None, *, two_classes: bool) -> dict[str, ir.Scalar]:
    import ibis

    kind = kind_of_type(column)
    column = finite(column)
    measures = {"present": column.count()}
    if kind == "other":
        return measures
    measures |= {"values": column.nunique(), "pairs": ibis.struct({"value": column, "label": label}).nunique()}
    if column.type().is_string():
        dates = column.re_search(_ISO_DATE) & as_date(column).notnull()
        measures |= {
            "numbers": as_number(column).count(),
            "codes": column.re_search(_CODE).sum(),
            "dates": dates.sum(),
        }
    if kind != "date":
        measures |= _of_number(as_number(column), label, two_classes=two_classes)
    if kind != "number":
        date = as_date(column)
        measures["clock"] = (date.epoch_seconds() % 86_400 > 0).any()
        if at is not None and not at.type().is_integer():
            measures["ahead"] = (date > as_date(at)).sum()
    if two_classes:
        measures |= {f"present {one}": column.count(where=label == one) for one in (0, 1)}
        measures |= {f"rows {one}": (label == one).sum() for one in (0, 1)}
    return measures


def _of_number(number: ir.Column, label: ir.Column, *, two_classes: bool) -> dict[str, ir.Scalar]:
    if two_classes:
        lows = {f"low {one}": number.min(where=label == one) for one in (0, 1)}
        return lows | {f"high {one}": number.max(where=label == one) for one in (0, 1)}
    return {"correlation": number.corr(label, how="pop")} if label.type().is_numeric() else {}


def _of(row: dict[str, Any], position: int) -> dict[str, Any]:
    start = f"{position} "
    return {name.removeprefix(start): value for name, value in row.items() if name.startswith(start)}


def _profile(column: ir.Column, rows: int, found: dict[str, Any], *, two_classes: bool) -> Profile:
    kind = kind_of_type(column)
    present = found["present"]
    if kind == "other":
        return Profile(kind, rows, present)
    if column.type().is_string() and present:
        if found["numbers"] == present and not found["codes"]:
            kind = "number"
        elif found["dates"] == present:
            kind = "date"
    return Profile(
        kind,
        rows,
        present,
        values=found["values"],
        pairs=found["pairs"],
        parted=kind == "number" and two_classes and _parted(found),
        told=two_classes and _told(found),
        correlation=found.get("correlation") or 0.0,
        ahead=(found.get("ahead") or 0) if kind == "date" else 0,
        clock=kind == "date" and bool(found["clock"]),
        discrete=column.type().is_string() or column.type().is_integer(),
    )


def kind_of_type(column: ir.Column) -> Kind:
    """What a column holds, as far as its type says."""
    kind = column.type()
    if kind.is_numeric() or kind.is_boolean():
        return "number"
    if kind.is_date() or kind.is_timestamp():
        return "date"
    return "category" if kind.is_string() else "other"


def _parted(found: dict[str, Any]) -> bool:
    lows, highs = (found["low 0"], found["low 1"]), (found["high 0"], found["high 1"])
    return None not in lows and (highs[0] < lows[1] or highs[1] < lows[0])


def _told(found: dict[str, Any]) -> bool:
    there, rows = (found["present 0"], found["present 1"]), (found["rows 0"], found["rows 1"])
    return there in ((rows[0], 0), (0, rows[1]))
