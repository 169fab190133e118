"""The lines of a prediction log as a table on disk: parsed and checked by DuckDB, a batch at a time, in any amount."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.engines import connection, fetch
from workbench.monitoring.log_files import LogFiles, opened
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.learning import Columns

__all__ = ["AT", "VERSION", "Asked", "ServedRows", "served_rows"]

AT, VERSION = "at", "version"
KNOWN = ("at", "features", "model", "prediction", "probability", "request_id", "row", "version")
"""What a line has; see :mod:`workbench.serving.prediction_log`."""

LOOKED_AT = 1000
"""Lines that are asked which features they have: a server writes the same ones into all of a version."""

AHEAD = timedelta(hours=1)
"""How far a server's clock may be ahead of ours."""


@dataclass(frozen=True)
class Asked:
    """Which lines count.

    Attributes:
        client: whose log it is; lines of another model are refused.
        columns: of the champion; the features that are looked for.
        now: the present.
        days: how far back.
    """

    client: str
    columns: Columns
    now: datetime
    days: int


@dataclass(frozen=True)
class ServedRows:
    """A log's rows.

    Attributes:
        table: ``at`` (UTC), ``version``, and what the methods give; None if there is no log.
        lines: how many lines there are, by what became of them: ``rows`` (they count), ``unreadable``, ``foreign``
            (another model's), ``future`` (by our clock), ``old`` (before the days that were asked for); and, among
            ``rows``, those ``with_unknown_fields``. ``torn``: files that end in the middle of a line.
    """

    table: ir.Table | None
    lines: Mapping[str, int]
    asked: Asked

    def features_of(self, version: str) -> tuple[ir.Table, list[str]]:
        """The features of one version's rows, and the names of those that were not logged.

        Personal, protected and key columns are never written into a log, and none at all where a client wants so.
        """
        rows = self._of(version)
        names, there = self.asked.columns.features, _logged(rows)
        kept = {name: rows[f"f{place}"] for place, name in enumerate(names) if name in there}
        return rows.select(**(kept or {"state": rows.state})), [name for name in names if name not in there]

    def predictions_of(self, version: str) -> ir.Table:
        """``prediction`` and ``probability`` of one version's rows."""
        rows = self._of(version)
        return rows.select(**{name: rows[f"p_{name}"] for name in ("prediction", "probability")})

    def _of(self, version: str) -> ir.Table:
        assert self.table is not None  # noqa: S101 - the caller looked
        return self.table.filter(self.table[VERSION] == version)


@contextmanager
def served_rows(path: Path, asked: Asked) -> Iterator[ServedRows]:
    """Read a log; the table is gone after the block."""
    with opened(path) as files:
        if not files.streams:
            yield ServedRows(None, {}, asked)
            return
        with private_folder("served") as temporary:
            target = Path(temporary) / "rows.parquet"
            _write(files, asked, target)
            table = connection().read_parquet(target)
            counts = {
                row["state"]: row
                for row in fetch(
                    table.group_by("state").aggregate(rows=table.count(), unknown=table.unknown.cast("int64").sum())
                )
            }
            lines = {
                "lines": files.lines,
                **{state: counts.get(state, {}).get("rows", 0) for state in ("rows", "foreign", "future", "old")},
                "unreadable": counts.get("unreadable", {}).get("rows", 0) + files.damaged,
                "with_unknown_fields": int(counts.get("rows", {}).get("unknown") or 0),
                "torn": files.torn,
            }
            yield ServedRows(table.filter(table.state == "rows"), lines, asked)


def _write(files: LogFiles, asked: Asked, target: Path) -> None:
    """One pass over all lines, to a Parquet file; of a line that does not count, only why is kept."""
    import pyarrow as pa

    columns = asked.columns
    kept = _distinct(columns.features)
    kinds = dict.fromkeys(columns.numeric, "DOUBLE") | dict.fromkeys(columns.categorical, "VARCHAR")
    answer = "VARCHAR" if columns.task == "multiclass" else "DOUBLE"
    shape = {"at": "VARCHAR", "model": "VARCHAR", "version": "VARCHAR", "prediction": answer, "probability": "DOUBLE"}
    shape_text = _text(json.dumps({**shape, "features": {name: kinds[name] for name in kept}}))
    features = ", ".join(
        f"{f'shaped.features.{_name(name)}' if name in kept else f'NULL::{kinds[name]}'} AS f{place}"
        for place, name in enumerate(columns.features)
    )
    now, first = asked.now + AHEAD, asked.now - timedelta(days=asked.days)
    sql = f"""
        WITH valid AS (SELECT CASE WHEN json_valid(line) THEN line::JSON END AS line FROM workbench_log_lines),
        parsed AS (SELECT line, json_transform(line, {shape_text}) AS shaped FROM valid),
        dated AS (SELECT line, shaped, TRY_CAST(shaped.at AS TIMESTAMPTZ) AS moment FROM parsed),
        judged AS (SELECT line, shaped, moment, CASE
            WHEN shaped.model IS NULL OR shaped.version IS NULL OR moment IS NULL THEN 'unreadable'
            WHEN shaped.model <> {_text(asked.client)} THEN 'foreign'
            WHEN moment > {_text(now.isoformat())}::TIMESTAMPTZ THEN 'future'
            WHEN moment <= {_text(first.isoformat())}::TIMESTAMPTZ THEN 'old'
            ELSE 'rows' END AS state FROM dated),
        named AS (SELECT CASE WHEN state = 'rows' THEN line END AS line,
            CASE WHEN state = 'rows' THEN shaped END AS shaped,
            CASE WHEN state = 'rows' THEN moment END AS moment, state FROM judged)
        SELECT state, (moment AT TIME ZONE 'UTC') AS at, shaped.version AS version,
            shaped.prediction AS p_prediction, shaped.probability AS p_probability,
            coalesce(NOT list_has_all({list(KNOWN)!r}, json_keys(line)), false) AS unknown,
            json_keys(line, '$.features') AS logged{", " + features if features else ""}
        FROM named
    """  # noqa: S608 - every name and value is quoted
    reader = pa.RecordBatchReader.from_batches(pa.schema([("line", pa.string())]), files.batches())
    database = connection().con
    database.register("workbench_log_lines", reader)
    try:
        place = _text(str(target))
        database.execute(f"COPY ({sql}) TO {place} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    finally:
        database.unregister("workbench_log_lines")


def _logged(rows: ir.Table) -> frozenset[str]:
    """The features that the newest rows have, with a value or with none."""
    newest = rows.order_by(rows[AT].desc()).limit(LOOKED_AT).select("logged")
    each = newest.select(name=newest.logged.unnest()).distinct()
    return frozenset(row["name"] for row in fetch(each))


def _distinct(names: tuple[str, ...]) -> frozenset[str]:
    """Those that DuckDB's struct can tell apart: it takes ``Age`` and ``age`` for one field."""
    folded = [name.casefold() for name in names]
    return frozenset(name for name in names if folded.count(name.casefold()) == 1)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
