"""What a table holds, found by the engine in two passes over every fifty columns; no row comes to Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients.schema import ColumnSchema, TableSchema
from workbench.engines import connection, fetch, write_parquet
from workbench.onboarding.names import column_named
from workbench.schemas.casting import cast
from workbench.schemas.dates import Order
from workbench.schemas.infer import infer
from workbench.schemas.wide import COLUMNS_AT_ONCE, parts
from workbench.scratch import private_folder
from workbench.sources.opening import LINE, PROBLEM

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["ColumnLook", "TableLook", "look", "new_names"]

ORDERED = ("int64", "float64", "decimal", "date", "timestamp")
PERSONAL = {
    "an e-mail address": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    "a phone number": r"^(\+|00)[0-9][0-9 ()./-]{6,18}$|^\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}$|^[0-9]{3}-[0-9]{3}-[0-9]{4}$",
    "an IBAN": r"^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7} ?[A-Z0-9]{0,4}$",
    "a social security number": r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$",
}
"""What most values of a text column are, by pattern (RE2)."""
MOST = 0.8
FEW, MANY = 1000, 0.5
"""The engine's quick count of different values may be off by a tenth and more. It is enough between a thousand and half
of the rows; below, where classes are told from numbers, and above, where keys are found, it counts exactly."""


@dataclass(frozen=True)
class ColumnLook:
    """One column.

    Attributes:
        name: as it will be called here.
        spec: its type; nullable if values are missing.
        missing: rows without a value.
        distinct: different values; exact where there are few, or as many as half of the rows; else about.
        low: the smallest value as text, of an ordered type.
        high: the largest.
        personal: what most of its values are, or None.
        date: why its text is read as a date, or why it is not although it looks like one; or None.
    """

    name: str
    spec: ColumnSchema
    missing: int
    distinct: int
    low: str | None = None
    high: str | None = None
    personal: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class TableLook:
    """One table.

    Attributes:
        rows: how many can be read.
        unreadable: lines of a CSV file that are no rows.
        columns: by name, in order.
        renamed: new name to the name in the file, where that is no identifier.
        repeated: rows whose wished key, of several columns, an earlier row has.
    """

    rows: int
    unreadable: int
    columns: dict[str, ColumnLook]
    renamed: dict[str, str]
    repeated: int = 0


def new_names(columns: list[str]) -> dict[str, str]:
    """New name to name in the file, for the names that are no identifiers: ``Order ID`` becomes ``order_id``."""
    taken = {name.casefold() for name in columns if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name)}
    found: dict[str, str] = {}
    for position, name in enumerate(columns, start=1):
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name):
            continue
        base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:50] or "column"
        base = base if base[0].isalpha() else f"column_{base}"
        new, number = base, 2
        while new.casefold() in taken:
            new, number = f"{base}_{number}", number + 1
        taken.add(new.casefold())
        found[new] = columns[position - 1]
    return found


def look(rows: ir.Table, client: str, table: str, *, key: Sequence[str] = (), order: Order | None = None) -> TableLook:
    """Look at an opened table; its names are those of the file.

    Args:
        rows: the table.
        client: for the error.
        table: for the error.
        key: the columns that a person says identify a row together, as they called them.
        order: whether day or month comes first in a date whose values do not tell.

    Raises:
        ConfigurationError: the key is of a column that there is not.
        DataError: a column has a type that no raw table can have.
    """
    names = [name for name in rows.columns if name not in (PROBLEM, LINE)]
    renamed = new_names(names)
    readable = rows.filter(rows[PROBLEM].isnull()) if PROBLEM in rows.columns else rows
    with _by_columns(readable.select(*names).rename(renamed)) as plain:
        schema, dates = infer(plain, tuple(plain.columns), client, table, order)
        answer: dict[str, Any] = {}
        for some in parts(plain.columns):
            answer |= _answers(_values(plain, schema, some), schema)
        together = [column_named(schema.columns, name) for name in key]
        repeated = _repeated(_values(plain, schema, together), together) if len(together) > 1 else 0
    count = answer["rows"]
    columns = {
        name: ColumnLook(
            name=name,
            spec=spec.model_copy(update={"nullable": answer[f"present {name}"] < count}),
            missing=count - answer[f"present {name}"],
            distinct=answer[f"distinct {name}"],
            low=answer.get(f"low {name}"),
            high=answer.get(f"high {name}"),
            personal=_personal(answer, name),
            date=dates.get(name),
        )
        for name, spec in schema.columns.items()
    }
    unreadable = rows.count().to_pyarrow().as_py() - count if PROBLEM in rows.columns else 0
    return TableLook(count, unreadable, columns, renamed, repeated)


@contextmanager
def _by_columns(plain: Any) -> Iterator[Any]:
    """The table; one of many columns of text lies in a file of columns, as long as the block lasts.

    Of 2,000 columns it is asked some eighty times. Each time a CSV file would be parsed as a whole, and Ibis go through
    all names of it.
    """
    if len(plain.columns) <= 2 * COLUMNS_AT_ONCE or not all(kind.is_string() for kind in plain.schema().types):
        yield plain
        return
    with private_folder("look") as folder:
        path = Path(folder) / "table.parquet"
        write_parquet(plain, path)
        kept = connection().read_parquet(path)
        try:
            yield kept
        finally:
            connection().drop_view(kept.get_name())


def _values(plain: Any, schema: TableSchema, names: Sequence[str]) -> Any:
    """Some of the columns, in their types."""
    return plain.select(**{name: cast(plain[name], schema.columns[name]) for name in names})


def _answers(values: Any, schema: TableSchema) -> dict[str, Any]:
    """What the engine says of these columns, and how many rows there are."""
    answer = fetch(values.aggregate(**_measures(values, schema)))[0]
    about = {name: answer[f"distinct {name}"] for name in values.columns}
    count = answer["rows"]
    exact = _exact(values, [name for name in about if about[name] <= FEW or about[name] >= MANY * count])
    return answer | {f"distinct {name}": distinct for name, distinct in exact.items()}


def _measures(values: Any, schema: TableSchema) -> dict[str, Any]:
    measures: dict[str, Any] = {"rows": values.count()}
    for name in values.columns:
        spec, column = schema.columns[name], values[name]
        measures[f"present {name}"] = column.count()
        measures[f"distinct {name}"] = column.approx_nunique()
        if spec.type in ORDERED:
            measures |= {f"low {name}": column.min().cast("string"), f"high {name}": column.max().cast("string")}
        if spec.type == "string":
            for what, pattern in PERSONAL.items():
                measures[f"{what} {name}"] = column.strip().re_search(pattern).sum()
    return measures


def _exact(values: Any, names: list[str]) -> dict[str, int]:
    return fetch(values.aggregate(**{name: values[name].nunique() for name in names}))[0] if names else {}


def _repeated(values: Any, key: list[str]) -> int:
    """Rows less different keys, of the rows that have a value in each column of the key."""
    whole = values.filter(*(values[name].notnull() for name in key))
    rows, different = (
        fetch(one.aggregate(rows=one.count()))[0]["rows"] for one in (whole, whole.select(*key).distinct())
    )
    return int(rows - different)


def _personal(answer: dict[str, Any], name: str) -> str | None:
    present = answer[f"present {name}"]
    return next((what for what in PERSONAL if present and (answer.get(f"{what} {name}") or 0) >= MOST * present), None)
