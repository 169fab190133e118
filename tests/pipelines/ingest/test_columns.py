"""Columns that are not those of the schema: one sentence that says what to do."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.ingest.columns import check_columns
from workbench.clients import TableSchema
from workbench.errors import DataError

SCHEMA = {"dep_time": {"type": "int64"}, "day": {"type": "date"}}
FILE = "conf/clients/acme/schema.yml"


def refused(table_of, columns, *, schema=SCHEMA, strict=True) -> str:
    table = table_of(columns)
    with pytest.raises(DataError) as raised:
        check_columns(
            table, table.columns, TableSchema.model_validate({"columns": schema, "strict": strict}), "acme", "people"
        )
    return str(raised.value)


@pytest.mark.parametrize(
    ("names", "tried", "hint"),
    [
        (
            ["departure_time", "day"],
            "departure_time, day",
            f"did you mean 'departure_time'? If it was renamed, rename it in {FILE} too",
        ),
        (["DEP_TIME", "day"], "DEP_TIME, day", f"did you mean 'DEP_TIME'? If it was renamed, rename it in {FILE} too"),
        (["day"], "day", f"have it delivered, or take it out of {FILE}"),
        (["day", "x"], "day, x", f"did you mean 'x'? If it was renamed, rename it in {FILE} too"),
        (["day", "x", "y"], "day, x, y", f"have it delivered, or take it out of {FILE}"),
    ],
)
def test_a_missing_column(table_of, names, tried, hint):
    assert refused(table_of, {name: ["1"] for name in names}) == (
        f"client acme, table people: column 'dep_time' is missing (tried: the source has {tried}). Next: {hint}"
    )


def test_an_unknown_column(table_of):
    assert refused(table_of, {"dep_time": ["1"], "day": ["1"], "note": ["1"]}) == (
        "client acme, table people: column 'note' is not in the schema. "
        f"Next: name it in {FILE}, or set `strict: false` there to drop what is not named"
    )


def test_an_unknown_column_may_be_dropped(table_of):
    table = table_of({"dep_time": ["1"], "day": ["1"], "note": ["1"]})
    schema = TableSchema.model_validate({"columns": SCHEMA, "strict": False})
    check_columns(table, table.columns, schema, "acme", "people")


@pytest.mark.parametrize(
    ("array", "actual"),
    [(pa.array([True]), "boolean"), (pa.array([[1]]), "array<int64>"), (pa.array([b"x"]), "binary")],
)
def test_a_type_that_has_drifted(table_of, array, actual):
    assert refused(table_of, {"dep_time": array, "day": ["2024-01-01"]}) == (
        f"client acme, table people: column 'dep_time' is {actual} now, and was int64. "
        f"Next: have it delivered as int64, or correct its `type` in {FILE}"
    )
