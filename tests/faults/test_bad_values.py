"""Values that no person meant: each is taken as it is, set apart with its reason, or refused in one sentence.

``VALUES`` says of one column what becomes of four values of it at ``ingest``; ``TABLES`` says what ``prepare`` makes of
a whole table, with target, time and key.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

INF = float("inf")


@dataclass(frozen=True)
class Column:
    """Four values of a column ``x``.

    Attributes:
        fault: its number in docs/reliability.md.
        type: what schema.yml says.
        values: texts, which come as CSV, or an Arrow array, which comes as Parquet.
        taken: what stands in raw, as text; the others are set apart.
        reason: why they are.
    """

    fault: int
    type: str
    values: list[str] | pa.Array
    taken: list[str | None]
    reason: str = ""


VALUES = {
    "mixed types": Column(53, "int64", ["1", "two", "3.5", "4"], ["1", "4"], "x is not int64"),
    "int64 overflow": Column(
        54, "int64", ["9223372036854775807", "9223372036854775808", "1e3", "4"], ["9223372036854775807", "4"],
        "x is not int64",
    ),
    "uint64 beyond int64": Column(
        54, "int64", pa.array([2**63, 2, 3, 4], pa.uint64()), ["2", "3", "4"], "x is not int64"
    ),
    "a float beyond a float": Column(54, "float64", ["1e308", "1e309", "-1e309", "4"], ["1e+308", "4"], "x is not a finite float64"),
    "sums beyond a float": Column(54, "float64", ["1.7e308"] * 4, ["1.7e+308"] * 4),
    "infinities and nan": Column(
        49, "float64", pa.array([INF, -INF, float("nan"), 4.0]), [None, "4"], "x is not a finite float64"
    ),
    "a decimal beyond 18 digits": Column(
        54, "decimal", pa.array([Decimal("9" * 30), Decimal(1), None, None]), ["1.00", None, None],
        "x is not decimal",
    ),
    "nothing at all": Column(50, "string", pa.nulls(4), [None] * 4),
    "years 1 and 9999": Column(
        54, "date", ["0001-01-01", "9999-12-31", "0000-01-01", "2024-02-30"], ["0001-01-01", "9999-12-31"],
        "x is not date",
    ),
    "years beyond 9999 and before 1": Column(
        54, "date", pa.array([2_932_897, -719_163, 0, 1], pa.date32()), ["1970-01-01", "1970-01-02"],
        "x is not date",
    ),
    "an offset that leaves year 9999": Column(
        54, "timestamp", ["9999-12-31T23:30:00-01:00", "0001-01-01T00:30:00+01:00", "2024-01-01T00:00:00Z", "2024-01-02"],
        ["2024-01-01 00:00:00.000000", "2024-01-02 00:00:00.000000"], "x is not timestamp",
    ),
    "timestamps of years beyond 9999": Column(
        54, "timestamp", pa.array([253_402_300_800, 9_000_000_000_000, 0, 1], pa.timestamp("s")),
        ["1970-01-01 00:00:00.000000", "1970-01-01 00:00:01.000000"], "x is not timestamp",
    ),
    "offsets of two zones": Column(
        54, "timestamp", ["2024-03-31T01:30:00+01:00", "2024-03-31T03:30:00+02:00", "2024-03-31 01:30", "2024-03-31"],
        ["2024-03-31 00:30:00.000000", "2024-03-31 01:30:00.000000", "2024-03-31 01:30:00.000000",
         "2024-03-31 00:00:00.000000"],
    ),
    "the name of a zone": Column(
        54, "timestamp", ["2024-03-31T02:30:00 Europe/Zurich", "2024-01-01", "2024-01-02", "2024-01-03"],
        ["2024-01-01 00:00:00.000000", "2024-01-02 00:00:00.000000", "2024-01-03 00:00:00.000000"],
        "x is not timestamp",
    ),
    "an hour that a zone repeats": Column(
        54, "timestamp", pa.array([1_729_987_200, 1_729_990_800, 0, 1], pa.timestamp("s", "Europe/Zurich")),
        ["2024-10-27 00:00:00.000000", "2024-10-27 01:00:00.000000", "1970-01-01 00:00:00.000000",
         "1970-01-01 00:00:01.000000"],
    ),
    "nanoseconds that would be cut off": Column(
        54, "timestamp", pa.array([1, 2000, 3000, 4000], pa.timestamp("ns")),
        ["1970-01-01 00:00:00.000002", "1970-01-01 00:00:00.000003", "1970-01-01 00:00:00.000004"],
        "x is not timestamp",
    ),
    "a repeated key": Column(53, "unique", ["a", "b", "a", "d"], ["a", "b", "d"], "x is a duplicate"),
    "formulas stay text": Column(53, "string", ["=1+1", "+1", "-1", "@x"], ["=1+1", "+1", "-1", "@x"]),
    "SQL and templates stay text": Column(
        53, "string", ["'; DROP TABLE raw; --", "{{ 7 * 7 }}", "${oc.env:HOME}", "{0.__class__}"],
        ["'; DROP TABLE raw; --", "{{ 7 * 7 }}", "${oc.env:HOME}", "{0.__class__}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VALUES.values(), ids=VALUES)
def test_a_value(case: Column, desk: Any, no_rest: None) -> None:
    settings: dict[str, Any] = {"type": case.type, "nullable": True}
    settings |= {"scale": 2} if case.type == "decimal" else {}
    settings |= {"type": "string", "unique": True} if case.type == "unique" else {}
    columns = {"id": {"type": "int64"}, "x": settings, "late": {"type": "int64"}}
    desk.configure(schema={"columns": columns}, budgets={"bad_rows_share": 0.9})
    if isinstance(case.values, list):
        lines = [f'{row},"{value}",{row % 2}\n' for row, value in enumerate(case.values)]
        desk.deliver({"people.csv": ("id,x,late\n" + "".join(lines)).encode()})
    else:
        sink = io.BytesIO()
        pq.write_table(pa.table({"id": range(4), "x": case.values, "late": [0, 1, 0, 1]}), sink)
        desk.deliver({"people.parquet": sink.getvalue()})
        desk.read(kind="parquet", path="data/acme/00_landing/people.parquet")
    desk.run("ingest")
    taken = pq.read_table(desk.data / "01_raw" / "people.parquet")["x"]
    # By Arrow's own words, since Python has none for some of the values.
    assert [
        value if value is None else value.removesuffix(".0") for value in pc.cast(taken, "string").to_pylist()
    ] == case.taken
    apart = pq.read_table(desk.data / "02_intermediate" / "quarantine" / "people.parquet")
    assert len(taken) + len(apart) == 4, "no row is lost"
    assert {reason for row in apart["_reasons"].to_pylist() for reason in row} == (
        {case.reason} if case.reason else set()
    )
    json.loads((desk.data / "08_reporting" / "ingest.json").read_text(), parse_constant=pytest.fail)


@dataclass(frozen=True)
class Table:
    """A table of 400 rows, of which a test changes a column.

    Attributes:
        fault: its number in docs/reliability.md.
        change: column to its text in a row.
        said: the whole sentence; empty if features come of it.
        excluded: column to the reason why it is no feature.
        rows: how many.
        client: settings of client.yml.
    """

    fault: int
    change: dict[str, Callable[[int], Any]]
    said: str = ""
    excluded: dict[str, str] = field(default_factory=dict)
    rows: int = 400
    client: dict[str, Any] = field(default_factory=dict)


def day(row: int) -> str:
    return (dt.date(2024, 1, 1) + dt.timedelta(days=row)).isoformat()


PRIMARY = "client acme, table primary"
TIMED = {"time_column": "seen", "split": {"by": "time"}}
REGRESSION = {"task": "regression", "metric": {"name": "rmse"}}
TABLES = {
    "as it should be": Table(55, {}),
    "one class": Table(50, {"late": lambda _: 1}, f"{PRIMARY}, column late: has one value only, so there is nothing to predict. Next: bring more rows"),
    "the target is nowhere": Table(50, {"late": lambda _: ""}, f"{PRIMARY}, column late: has no value at all. Next: set another `target` in client.yml, or bring labels"),
    "three classes for two": Table(50, {"late": lambda row: row % 3}, f"{PRIMARY}, column late: has more than 2 different values, too many for task binary. Next: set `task: multiclass` or `task: regression` in client.yml"),
    "the target is another column now": Table(48, {"late": lambda row: row % 2, "target": lambda _: "late"}, f"{PRIMARY}, column lates: is named in client.yml but is not in the table. Next: did you mean 'late'?", client={"target": "lates"}),
    "text for a number": Table(50, {"late": lambda row: "many" if row == 7 else row}, f"{PRIMARY}, column late: is string, not a number. Next: set another `task` or `target` in client.yml", client=REGRESSION),
    "targets too large to be squared": Table(54, {"late": lambda row: "1.7e308" if row % 3 else "-1.7e308"}, "client acme: numbers are too large to be added up or squared (Out of Range Error: STDDEV_POP for X is out of range!). Next: give the columns a `max` in schema.yml, so that `ingest` sets such rows apart", client=REGRESSION),
    "one row": Table(50, {}, f"{PRIMARY}, column late: has one value only, so there is nothing to predict. Next: bring more rows", rows=1),
    "thirty rows": Table(50, {}, f"{PRIMARY}: split leaves 19 rows for train, and at least 20 are needed. Next: bring more rows, or change `split` in client.yml", rows=30),
    "a key that repeats": Table(53, {"id": lambda row: row % 100}, f"{PRIMARY}: key (id) is not unique: 100 values stand in 400 rows. Next: name more key columns in client.yml, or look for a join that repeats rows"),
    "a key with a gap": Table(53, {"id": lambda row: "" if row == 3 else row}, f"{PRIMARY}, column id: has no value in 1 of 400 rows, and it has to be there. Next: let `ingest` quarantine them: drop `nullable` in schema.yml"),
    "a time that is text": Table(54, {"seen": lambda _: "soon"}, f"{PRIMARY}, column seen: orders the rows in time but is string. Next: give it a type in schema.yml", client=TIMED),
    "a time with a gap": Table(54, {"seen": lambda row: "" if row == 3 else day(row)}, f"{PRIMARY}, column seen: has no value in 1 of 400 rows, and it has to be there. Next: let `ingest` quarantine them: drop `nullable` in schema.yml", client=TIMED),
    "one moment for all": Table(54, {"seen": lambda _: "2024-01-01"}, f"{PRIMARY}: split leaves 0 rows for validation, and at least 20 are needed. Next: bring more rows, or change `split` in client.yml", client=TIMED),
    "rows of year 1 and of the future": Table(54, {"seen": lambda row: {0: "0001-01-01", 1: "9999-12-31"}.get(row, day(row))}, client=TIMED),
    "a column of the name of the fold": Table(53, {"fold": lambda row: row % 5}, f"{PRIMARY}, column fold: has the name of the column that tells the fold. Next: rename it in the source"),
    "nothing but constants": Table(50, {"x": lambda _: 7, "y": lambda _: ""}, "client acme, recipe auto: there is no feature left (tried: x: one value in all training rows; y: no training row has a value). Next: bring more columns, or write a recipe: docs/recipes.md shows how"),
    "a column that is all missing": Table(50, {"y": lambda _: ""}, excluded={"y": "no training row has a value"}),
    "the target under another name": Table(55, {"y": lambda row: ["no", "yes"][row * 7 % 13 % 2]}, excluded={"y": "leakage: each of its values comes with one value of the target only"}),
    "a date after the row's own time": Table(55, {"seen": day, "left": lambda row: day(row + 3)}, excluded={"left": "leakage: it lies after seen in 280 training rows"}, client=TIMED),
    "names that are SQL and templates": Table(53, {"x'; DROP TABLE t; --": lambda row: row % 5, "{{ 7 * 7 }}": lambda row: row % 7}),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES.values(), ids=TABLES)
def test_a_table(case: Table, desk: Any, seen: Callable[..., str], no_rest: None) -> None:
    columns: dict[str, Callable[[int], Any]] = {
        "id": lambda row: row,
        "x": lambda row: row % 5,
        "y": lambda row: "abc"[row % 3],
        "late": lambda row: row * 7 % 13 % 2,
    } | case.change
    lines = [",".join(str(value(row)) for value in columns.values()) for row in range(case.rows)]
    desk.deliver({"people.csv": "\n".join([",".join(columns), *lines, ""]).encode()})
    desk.configure(schema=None, **case.client)
    desk.run("ingest")
    before = desk.snapshot()
    if case.said:
        assert seen(lambda: desk.run("prepare")) == case.said
        after = desk.snapshot()
        assert {path: after[path] for path in before} == before
        assert not (desk.data / "04_feature").exists(), "no features come of it"
        return
    desk.run("prepare")
    roles = json.loads((desk.data / "04_feature" / "features.json").read_text())
    assert roles["excluded"] == case.excluded
    assert sum(roles["rows"].values()) == case.rows, "no row is lost"
