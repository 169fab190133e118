"""The recipe for a client without one: one table, each column judged by the training rows alone.

What becomes of a column that is not key, time, target, personal or protected:

===========================  ==========================================================================================
number, boolean              itself; with ``<column>_missing`` (0 or 1) where training rows have gaps
text that is all numbers     a number, unless one begins with a zero, as a code does
text                         itself; categories rarer than ``rare_share``, and ones that come up later, are ``other``
date, timestamp, ISO text    ``_weekday``, ``_month``, ``_hour``; and the days up to the row's own time, or since 1970
                             if rows have none
the time column              ``_weekday`` and ``_hour``; ``_month`` unless the split is by time, where a month of the test
                             rows may be one that no training row saw
===========================  ==========================================================================================

What is left out, with the reason in ``feature_roles["excluded"]``: see :func:`_reason`. The rules against leakage find
what is perfect in the training rows. A column that gives the target away in nine rows of ten passes them: that takes a
person, and a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipelines.prepare.folds import fold_of
from pipelines.prepare.labels import encoded, label_of
from pipelines.prepare.profile import Profile, as_date, as_number, kind_of_type, profile, query
from pipelines.prepare.recipes import Recipe
from workbench.engines import fetch
from workbench.errors import ConfigurationError
from workbench.schemas.wide import is_one_of, parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from pipelines.prepare.parameters import PrepareParameters
    from pipelines.prepare.survey import Survey
    from workbench.clients import Client

__all__ = ["EXCLUDED", "TABLES", "Judgement", "features", "infer", "join", "queries"]

TABLES: tuple[str, ...] = ()
EXCLUDED: dict[str, str] = {}

OTHER = "other"
ROWS_PER_VALUE = 5
"""A column whose values come up more often than this, each with one label only, gives the label away."""
IN_STEP = 0.99999
"""A number whose correlation with the label is beyond this is the label, in another unit."""


def join(tables: Mapping[str, ir.Table]) -> ir.Table:
    """The one table.

    Raises:
        ConfigurationError: there are several; how they belong together, no rule can tell.
    """
    if len(tables) != 1:
        raise ConfigurationError(
            f"recipe auto takes one table and there are {len(tables)}: {', '.join(sorted(tables))}",
            hint="write a recipe that joins them; docs/recipes.md shows how, in twenty lines",
        )
    return next(iter(tables.values()))


@dataclass(frozen=True)
class Judgement:
    """What the training rows say about the columns.

    Attributes:
        kept: the profiles of the columns that become features.
        categories: of each text column, the values that are frequent enough.
        flagged: the columns with gaps enough to tell of them.
    """

    kept: Mapping[str, Profile]
    categories: Mapping[str, Sequence[str]]
    flagged: frozenset[str]


def infer(client: Client, primary: ir.Table, found: Survey, parameters: PrepareParameters) -> Recipe:
    """Judge the columns by the training rows, in two queries for every fifty columns; the rest is expressions."""
    train = primary.filter(label_of(client, primary).notnull(), fold_of(client, primary, found.cuts) == "train")
    used = {*client.key, client.time_column, client.target, *client.personal, *client.protected}
    profiles = profile(
        train,
        [column for column in primary.columns if column not in used],
        encoded(client, train, found.classes),
        time=client.time_column,
        two_classes=client.task == "binary",
    )
    excluded = {name: reason for name, column in profiles.items() if (reason := _reason(client, column, parameters))}
    kept = {name: column for name, column in profiles.items() if name not in excluded}
    judgement = Judgement(
        kept=kept,
        categories=_frequent(train, kept, parameters.rare_share * found.rows["train"]),
        flagged=frozenset(
            name for name, column in kept.items() if column.missing > parameters.rare_share * found.rows["train"]
        ),
    )
    return Recipe(TABLES, join, partial(features, client=client, judgement=judgement), excluded)


def _reason(client: Client, column: Profile, parameters: PrepareParameters) -> str | None:
    """Why a column is left out, or None. The first rule that holds gives the reason."""
    different = column.values + (column.missing > 0)
    rules = {
        "neither a number, nor text, nor a date": column.kind == "other",
        "no training row has a value": column.present == 0,
        "one value in all training rows": different == 1,
        "leakage: it is there for one class and missing for the other": column.told,
        "leakage: one threshold parts the two classes in all training rows": column.parted,
        "leakage: it moves in step with the target": abs(column.correlation) > IN_STEP,
        "leakage: each of its values comes with one value of the target only": (
            column.pairs == different and column.rows >= ROWS_PER_VALUE * different
        ),
        f"leakage: it lies after {client.time_column} in {column.ahead:,} training rows": column.ahead > 0,
        "an identifier: every value differs": column.discrete and column.values == column.present,
        f"text with {column.values:,} different values, and max_categories is {parameters.max_categories:,}": (
            column.kind == "category" and column.values > parameters.max_categories
        ),
    }
    return next((reason for reason, holds in rules.items() if holds), None)


def _frequent(train: ir.Table, kept: Mapping[str, Profile], least: float) -> dict[str, list[str]]:
    """The values of each text column that stand in enough training rows, sorted."""
    names = [name for name, column in kept.items() if column.kind == "category"]
    if not names:
        return {}
    found: dict[str, list[str]] = {}
    for some in parts(names):
        values: dict[int, list[str]] = {position: [] for position in range(len(some))}
        for row in fetch(_counted(train, some, least)):
            values[row["position"]].append(row["value"])
        found |= {name: sorted(values[position]) for position, name in enumerate(some)}
    return found


def _counted(train: ir.Table, names: Sequence[str], least: float) -> ir.Table:
    import ibis

    counts = [
        train.group_by(value=train[name]).aggregate(rows=train.count()).mutate(position=ibis.literal(position))
        for position, name in enumerate(names)
    ]
    table = ibis.union(*counts) if len(counts) > 1 else counts[0]
    return table.filter(table.rows >= least, table.value.notnull())


def queries(client: Client, primary: ir.Table, found: Survey) -> tuple[Recipe, dict[str, ir.Table]]:
    """What :func:`infer` asks of an engine, and what it comes to if every column becomes a feature; nothing is run."""
    train = primary.filter(label_of(client, primary).notnull(), fold_of(client, primary, found.cuts) == "train")
    used = {*client.key, client.time_column, client.target, *client.personal, *client.protected}
    names = [name for name in primary.columns if name not in used]
    label = encoded(client, train, found.classes)
    asked = {
        "profile of the columns": query(
            train, names, label, time=client.time_column, two_classes=client.task == "binary"
        )
    }
    kept = {name: Profile(kind_of_type(primary[name]), rows=1, present=1, clock=True) for name in names}
    kept = {name: column for name, column in kept.items() if column.kind != "other"}
    texts = [name for name, column in kept.items() if column.kind == "category"]
    if texts:
        asked["count of the categories"] = _counted(train, texts, 1)
    judgement = Judgement(kept, dict.fromkeys(texts, ("a",)), frozenset(kept))
    return Recipe(TABLES, join, partial(features, client=client, judgement=judgement)), asked


def features(primary: ir.Table, *, client: Client, judgement: Judgement) -> ir.Table:
    """The features of all rows, by what the training rows taught."""
    frame = [*client.key, *([client.time_column] if client.time_column else []), client.target, *client.protected]
    made: dict[str, ir.Column] = {}
    time = None
    if client.time_column and not primary[client.time_column].type().is_integer():
        time = as_date(primary[client.time_column])
        made |= _parts(client.time_column, time, clock=True, month=client.split.by == "key")
    for name, column in judgement.kept.items():
        value = primary[name]
        if column.kind == "category":
            made[name] = _frequent_or_other(value, judgement.categories[name])
            continue
        value = as_number(value) if column.kind == "number" else as_date(value)
        made |= {name: value} if column.kind == "number" else _date(name, value, time, clock=column.clock)
        if name in judgement.flagged:
            made[f"{name}_missing"] = value.isnull()
    return primary.select(*dict.fromkeys(frame), **_renamed(made, primary.columns))


def _frequent_or_other(value: ir.Column, frequent: Sequence[str]) -> ir.Column:
    """The value where it is frequent, ``other`` where it is not, missing where it is missing."""
    rest = value.isnull().ifelse(None, OTHER)
    return is_one_of(value, frequent).ifelse(value, rest) if frequent else rest


def _date(name: str, date: ir.Column, time: ir.Column | None, *, clock: bool) -> dict[str, ir.Column]:
    seconds = date.epoch_seconds()
    days = {f"{name}_days": seconds} if time is None else {f"{name}_days_before": time.epoch_seconds() - seconds}
    return _parts(name, date, clock=clock, month=True) | {name: value / 86_400 for name, value in days.items()}


def _parts(name: str, date: ir.Column, *, clock: bool, month: bool) -> dict[str, ir.Column]:
    parts = {f"{name}_weekday": date.day_of_week.full_name()}
    if month:
        parts[f"{name}_month"] = date.month()
    if clock:
        parts[f"{name}_hour"] = date.hour()
    return parts


def _renamed(made: Mapping[str, ir.Column], columns: Sequence[str]) -> dict[str, ir.Column]:
    """Free names for new columns; engines take names that differ by case alone for one name."""
    taken = {column.lower() for column in columns}
    named: dict[str, ir.Column] = {}
    for name, value in made.items():
        free = name
        while name not in columns and free.lower() in taken:
            free += "_"
        taken.add(free.lower())
        named[free] = value
    return named
