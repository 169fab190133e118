"""What must hold of the primary table before a model may learn from it, found with aggregates over a few columns.

Three small queries: the columns as a whole, whether the key is unique, and the folds; a fourth names the classes where
there may be more than two. Rows never come to Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.prepare.folds import FOLD, NAMES, Cuts, cuts_by_counting, cuts_by_time, fold_of
from pipelines.prepare.labels import Classes, label_of
from workbench.engines import fetch, is_embedded
from workbench.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients import Client

__all__ = ["MAX_CLASSES", "MIN_FOLD_ROWS", "Survey", "queries", "survey"]

MIN_FOLD_ROWS = 20
"""With fewer rows than this no metric means anything."""
MAX_CLASSES = 100
"""More than this is a number or an identifier, declared as a class by mistake."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        unlabelled: rows without a label; the features leave them out.
        rows: labelled rows of each fold.
        classes: of a classification; empty for a regression.
        cuts: where a split by time cuts.
    """

    unlabelled: int
    rows: dict[str, int]
    classes: Classes
    cuts: Cuts | None


def survey(client: Client, primary: ir.Table) -> Survey:
    """Check key, target, time and folds of the primary table.

    Raises:
        DataError: a column that client.yml names is missing or of the wrong type; there are no rows; the key has gaps
            or is not unique; the target is missing everywhere, constant, or does not fit the task; a fold is too small.
    """
    _check_columns(client, primary)
    found = _overview(client, primary)
    _check_overview(client, found)
    _check_key_is_unique(client, primary)
    classes = _classes(client, primary, found["low"], found["high"])
    cuts = Cuts(found["train"], found["validation"]) if client.split.by == "time" else None
    return Survey(
        unlabelled=found["rows"] - found["labelled"],
        rows=_rows_of_folds(client, primary, cuts),
        classes=classes,
        cuts=cuts,
    )


def queries(client: Client, primary: ir.Table, cuts: Cuts | None) -> dict[str, ir.Table]:
    """All that :func:`survey` asks of an engine that is not DuckDB; nothing is run."""
    _check_columns(client, primary)
    asked = {
        "survey of the columns": primary.aggregate(**_measures(client, primary)),
        "survey of the key": _repeated_keys(client, primary),
        "survey of the classes": _values(client, primary, MAX_CLASSES),
        "survey of the folds": _folds(client, primary, cuts),
    }
    if cuts is not None:
        asked["survey of the times"] = cuts_by_counting(client, primary, label_of(client, primary), 1)
    return asked


def _check_columns(client: Client, primary: ir.Table) -> None:
    columns = primary.columns
    time = [client.time_column] if client.time_column else []
    for column in (*client.key, *time, client.target, *client.segments, *client.protected):
        if column not in columns:
            hint = did_you_mean(column, columns, "correct client.yml, or make it in the recipe's `join`")
            raise _wrong(client, "is named in client.yml but is not in the table", hint, column)
    if FOLD in columns:
        raise _wrong(client, "has the name of the column that tells the fold", "rename it in the source", FOLD)
    for column in time:
        kind = primary[column].type()
        if not (kind.is_date() or kind.is_timestamp() or kind.is_integer()):
            raise _wrong(client, f"orders the rows in time but is {kind}", "give it a type in schema.yml", column)
    target = primary[client.target].type()
    if client.task == "regression" and not target.is_numeric():
        raise _wrong(
            client, f"is {target}, not a number", "set another `task` or `target` in client.yml", client.target
        )
    if not (target.is_numeric() or target.is_string() or target.is_boolean()):
        raise _wrong(client, f"is {target}, which has no classes", "set another `target` in client.yml", client.target)


def _overview(client: Client, primary: ir.Table) -> dict[str, Any]:
    """One pass over the key, time and target columns."""
    measures = _measures(client, primary)
    if client.split.by != "time":
        return fetch(primary.aggregate(**measures))[0]
    label = label_of(client, primary)
    if is_embedded(primary):
        measures |= cuts_by_time(client, primary[client.time_column], where=label.notnull())
        return fetch(primary.aggregate(**measures))[0]
    measures["timed"] = primary[client.time_column].count(where=label.notnull())
    found = fetch(primary.aggregate(**measures))[0]
    return found | fetch(cuts_by_counting(client, primary, label, found["timed"]))[0]


def _measures(client: Client, primary: ir.Table) -> dict[str, Any]:
    label = label_of(client, primary)
    measures = {"rows": primary.count(), "labelled": label.count(), "low": label.min(), "high": label.max()}
    return measures | {f"missing {column}": primary[column].isnull().sum() for column in _needed(client)}


def _needed(client: Client) -> Iterator[str]:
    """The columns in which a row has to have a value."""
    yield from client.key
    if client.split.by == "time" and client.time_column:
        yield client.time_column


def _check_overview(client: Client, found: dict[str, Any]) -> None:
    if not found["rows"]:
        raise _wrong(client, "has no rows", "look at the quarantine: `ingest` may have refused them all")
    if not found["labelled"]:
        raise _wrong(
            client, "has no value at all", "set another `target` in client.yml, or bring labels", client.target
        )
    if found["low"] == found["high"]:
        raise _wrong(client, "has one value only, so there is nothing to predict", "bring more rows", client.target)
    for column in _needed(client):
        if missing := found[f"missing {column}"]:
            what = f"has no value in {missing:,} of {found['rows']:,} rows, and it has to be there"
            raise _wrong(client, what, "let `ingest` quarantine them: drop `nullable` in schema.yml", column)


def _check_key_is_unique(client: Client, primary: ir.Table) -> None:
    found = fetch(_repeated_keys(client, primary))[0]
    if found["keys"]:
        raise DataError(
            f"key ({', '.join(client.key)}) is not unique: {found['keys']:,} values stand in {found['rows']:,} rows",
            where=f"client {client.id}, table primary",
            hint="name more key columns in client.yml, or look for a join that repeats rows",
        )


def _repeated_keys(client: Client, primary: ir.Table) -> ir.Table:
    counts = primary.group_by(*client.key).aggregate(times=primary.count())
    repeated = counts.filter(counts.times > 1)
    return repeated.aggregate(keys=repeated.count(), rows=repeated.times.sum())


def _classes(client: Client, primary: ir.Table, low: Any, high: Any) -> Classes:
    if client.task == "regression":
        return Classes()
    most = 2 if client.task == "binary" else MAX_CLASSES
    names = [str(row["label"]) for row in fetch(_values(client, primary, most + 1))]
    if len(names) > most:
        raise _wrong(
            client,
            f"has more than {most} different values, too many for task {client.task}",
            "set `task: multiclass` or `task: regression` in client.yml",
            client.target,
        )
    if client.task == "multiclass":
        return Classes(tuple(sorted(names)))
    return Classes(None if (low, high) == (0, 1) else tuple(names), positive=high)


def _values(client: Client, primary: ir.Table, most: int) -> ir.Table:
    label = label_of(client, primary)
    return primary.select(label=label).filter(label.notnull()).distinct().order_by("label").limit(most)


def _folds(client: Client, primary: ir.Table, cuts: Cuts | None) -> ir.Table:
    label = label_of(client, primary)
    rows = primary.select(label=label, fold=fold_of(client, primary, cuts)).filter(label.notnull())
    return rows.group_by("fold").aggregate(rows=rows.count(), low=rows.label.min(), high=rows.label.max())


def _rows_of_folds(client: Client, primary: ir.Table, cuts: Cuts | None) -> dict[str, int]:
    found = {row["fold"]: row for row in fetch(_folds(client, primary, cuts))}
    for name in NAMES:
        fold = found.get(name, {"rows": 0})
        if fold["rows"] < MIN_FOLD_ROWS:
            what = f"split leaves {fold['rows']} rows for {name}, and at least {MIN_FOLD_ROWS} are needed"
            raise _wrong(client, what, "bring more rows, or change `split` in client.yml")
        if fold["low"] == fold["high"]:
            what = f"has one value only among the {fold['rows']:,} {name} rows"
            raise _wrong(client, what, "bring more rows, or change `split` in client.yml", client.target)
    return {name: found[name]["rows"] for name in NAMES}


def _wrong(client: Client, what: str, hint: str, column: str | None = None) -> DataError:
    where = f"client {client.id}, table primary" + (f", column {column}" if column else "")
    return DataError(what, where=where, hint=hint)
