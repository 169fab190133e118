"""What a client's configuration probably is, each guess with its reason. Pure: from a look at the table to words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

from workbench.clients.model import Task
from workbench.errors import ConfigurationError
from workbench.onboarding.look import ColumnLook, TableLook

__all__ = [
    "Guess",
    "check_key",
    "given_task",
    "guess_key",
    "guess_metric",
    "guess_personal",
    "guess_task",
    "guess_time",
]

T = TypeVar("T")

KEY_NAME = re.compile(r"(^|_)(id|key|uuid|guid|nr|no|number|code|index)$", re.IGNORECASE)
TIME_NAME = re.compile(r"date|time|(^|_)(at|on|day|timestamp|created|ordered|month)($|_)", re.IGNORECASE)
NO_EVENT = re.compile(r"birth|dob|expir|due|end|updated|modified|deliver", re.IGNORECASE)
PERSONAL_NAME = re.compile(
    r"(^|_)(first|last|full|sur|given|family|customer|patient|contact|maiden)_?names?$|^names?$|e_?mail|phone|mobile|(^|_)fax"
    r"|(^|_)(street|address|addr)(_?\d|_?line)?|(^|_)(ssn|iban|passport|social_security|national_id|tax_id|license_plate)"
    r"|birth|(^|_)dob$|(^|_)ip(_addr(ess)?)?$",
    re.IGNORECASE,
)
MOST_CLASSES = 20
RARE = 0.05


@dataclass(frozen=True)
class Guess(Generic[T]):
    """A proposal, and why."""

    value: T
    why: str


def guess_key(look: TableLook, target: str) -> Guess[tuple[str, ...]]:
    """The column that identifies a row.

    Raises:
        ConfigurationError: no column does.
    """
    unique = [
        column
        for column in look.columns.values()
        if column.name != target
        and column.missing == 0
        and column.distinct == look.rows
        and column.spec.type in {"int64", "string", "date", "timestamp"}
    ]
    named = [column for column in unique if KEY_NAME.search(column.name)]
    first = next(iter(look.columns))
    plausible = named or [column for column in unique if column.name == first or column.spec.type == "string"]
    if not plausible:
        raise ConfigurationError(
            "no column identifies a row: none has a different value in each row",
            tried=", ".join(list(look.columns)[:30]),
            hint="name the columns that do together: --key <column> --key <column>",
        )
    return Guess((plausible[0].name,), f"{look.rows:,} rows, {look.rows:,} different values")


def check_key(look: TableLook, key: Sequence[str]) -> None:
    """Refuse columns that were named as the key and are none.

    Raises:
        ConfigurationError: one has no value in some rows, or all together the same in two.
    """
    for name in key:
        if missing := look.columns[name].missing:
            raise ConfigurationError(
                f"key column '{name}' has no value in {missing:,} of {look.rows:,} rows",
                hint="name another --key, or leave it out",
            )
    if len(key) == 1 and (different := look.columns[key[0]].distinct) < look.rows:
        raise ConfigurationError(
            f"key column '{key[0]}' has {different:,} different values in {look.rows:,} rows",
            hint="name the columns that identify a row together: --key <column> --key <column>",
        )

    if len(key) > 1 and look.repeated:
        raise ConfigurationError(
            f"key columns {', '.join(key)} together have {look.rows - look.repeated:,} different values "
            f"in {look.rows:,} rows",
            hint="name one more column that tells these rows apart, or have rows that are delivered twice taken out",
        )


def guess_time(look: TableLook, target: str, key: Sequence[str], today: date) -> Guess[str | None]:
    """The column that says when a row was known; None if there is none for certain.

    One that goes on for more than a year after today is a plan, or has 9999-12-31 for "never": it would put just those
    rows into the test.
    """
    dates = [
        column
        for column in look.columns.values()
        if column.spec.type in {"date", "timestamp"} and column.name not in {target, *key}
    ]
    events = [column for column in dates if TIME_NAME.search(column.name) and not NO_EVENT.search(column.name)]
    whole = [column for column in events if column.missing == 0 and column.distinct > 2]
    limit = (today + timedelta(days=366)).isoformat()
    ahead = next((column for column in whole if str(column.high) > limit), None)
    whole = [column for column in whole if str(column.high) <= limit]
    if whole:
        found = whole[0]
        return Guess(found.name, f"from {found.low} to {found.high}, in every row; see that nothing in a row is newer")
    if ahead:
        return Guess(None, f"{ahead.name} goes on until {ahead.high}, which is yet to come")
    why = (
        f"none of {', '.join(column.name for column in dates)} is surely when a row was known" if dates else "no dates"
    )
    return Guess(None, why)


def guess_task(column: ColumnLook, rows: int) -> Guess[Task]:
    """What kind of prediction the target is.

    Raises:
        ConfigurationError: nothing can be predicted: no value, one value, or a text that differs everywhere.
    """
    kind, distinct = column.spec.type, column.distinct
    where = f"target '{column.name}'"
    if column.missing == rows or distinct < 2:
        raise ConfigurationError(
            "has no value" if column.missing == rows else "has one value only, so there is nothing to predict",
            where=where,
            hint="name another --target",
        )
    if distinct == 2:
        return Guess("binary", "two different values")
    if kind in {"float64", "decimal"} or (kind == "int64" and distinct > MOST_CLASSES):
        return Guess("regression", f"a number with {distinct:,} different values")
    if kind in {"date", "timestamp"} or distinct > min(100, rows / 5):
        raise ConfigurationError(
            f"is {kind} with {distinct:,} different values: neither a number nor a class",
            where=where,
            hint="name another --target",
        )
    return Guess("multiclass", f"{distinct} different values")


def given_task(column: ColumnLook, task: Task) -> Guess[Task]:
    """The task that a person named.

    Raises:
        ConfigurationError: the target cannot be predicted so.
    """
    kind, distinct = column.spec.type, column.distinct
    where = f"target '{column.name}'"
    if task == "regression" and kind not in {"int64", "float64", "decimal"}:
        raise ConfigurationError(f"is {kind}, and a regression predicts a number", where=where, hint=_ANOTHER_TASK)
    if task == "binary" and distinct != 2:
        raise ConfigurationError(
            f"has {distinct:,} different values, and a binary task has two", where=where, hint=_ANOTHER_TASK
        )
    return Guess(task, "as given")


_ANOTHER_TASK = "name another --task, or leave it out"


def guess_metric(task: Task) -> Guess[str]:
    """What decides between two models."""
    return {
        "binary": Guess("roc_auc", "how well it ranks, whatever the share of positives"),
        "multiclass": Guess("macro_f1", "counts rare classes as much as common ones"),
        "regression": Guess("rmse", "in the target's own unit; a few large errors weigh more than many small"),
    }[task]


def guess_personal(look: TableLook, used: Sequence[str]) -> dict[str, str]:
    """The columns about a person, by their names and by what their values look like: name to reason."""
    found: dict[str, str] = {}
    for column in look.columns.values():
        if column.name in used:
            continue
        if column.personal:
            found[column.name] = f"most values look like {column.personal}"
        elif PERSONAL_NAME.search(column.name):
            found[column.name] = "by its name"
    return found
