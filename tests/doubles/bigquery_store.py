"""What the double keeps: datasets and tables, in DuckDB."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow.parquet as pq
from bigquery_refusals import Refused
from bigquery_sql import Name, Statement
from bigquery_types import Field, duckdb_type, field_of_arrow, fields_of, is_column_name

__all__ = ["Dataset", "Store", "Table"]


@dataclass
class Table:
    """A table: where DuckDB has it, and its columns."""

    place: str
    fields: list[Field]
    rows: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Dataset:
    """A dataset lies in one location for ever."""

    location: str
    labels: Mapping[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


class Store:
    """Datasets of one project."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.datasets: dict[str, Dataset] = {}
        self._con = duckdb.connect(config={"threads": 2})
        self._con.execute("SET TimeZone = 'UTC'; SET autoinstall_known_extensions = false")
        self._count = 0

    def close(self) -> None:
        """Forget all."""
        self._con.close()

    def dataset(self, name: str, project: str | None = None, location: str | None = None) -> Dataset:
        """One that is there, seen from a location.

        Raises:
            Refused: there is none, in that location.
        """
        found = self.datasets.get(name) if project in {None, self.project} else None
        if found is None or (location is not None and found.location.lower() != location.lower()):
            seen = f" in location {location}" if location else ""
            raise Refused(f"Not found: Dataset {project or self.project}:{name} was not found{seen}", "notFound")
        return found

    def table(self, name: Name, location: str | None = None) -> Table:
        """One that is there.

        Raises:
            Refused: there is none.
        """
        project, dataset, table = name
        tables = self.dataset(dataset, project, location).tables
        if table not in tables:
            seen = f" in location {location}" if location else ""
            raise Refused(f"Not found: Table {project}:{dataset}.{table} was not found{seen}", "notFound")
        return tables[table]

    def run(self, statement: Statement, name: Name, location: str, labels: Mapping[str, str]) -> None:
        """Carry out a statement; the rows of a SELECT become a table of that name."""
        if statement.kind == "DROP_TABLE":
            assert statement.target
            self.drop(statement.target, location, missing_ok=statement.lenient)
            return
        target = statement.target or name
        dataset = self.dataset(target[1], target[0], location)
        if target[2] in dataset.tables and not statement.lenient:
            raise Refused(f"Already Exists: Table {':'.join(target[:2])}.{target[2]}", "duplicate")
        # Tables are not named in DuckDB as they are in BigQuery: there is no capital letter to mind, and no dataset.
        place = self._new_place()
        try:
            self._con.execute(f"CREATE TABLE {place} AS {self._placed(statement.query, location)}")
        except duckdb.Error as error:
            raise Refused(*_explained(error)) from error
        self._take(dataset, target[2], place, statement.fields, labels)

    def load(self, target: Name, content: bytes, config: Mapping[str, Any], location: str) -> int:
        """Carry out a load job of one Parquet file; how many rows there are.

        Raises:
            Refused: it is no Parquet file, or its columns do not fit the schema.
        """
        dataset = self.dataset(target[1], target[0], location)
        disposition = config.get("writeDisposition", "WRITE_APPEND")
        if target[2] in dataset.tables and dataset.tables[target[2]].rows and disposition == "WRITE_EMPTY":
            raise Refused(f"Already Exists: Table {':'.join(target[:2])}.{target[2]}", "duplicate")
        try:
            rows = pq.read_table(io.BytesIO(content))
        except Exception as error:
            raise Refused(f"Error while reading data, error message: {error}", "invalid") from error
        found = [field_of_arrow(column) for column in rows.schema]
        fields = fields_of(config["schema"]) if config.get("schema") else found
        for one in found:
            wanted = next((field for field in fields if field["name"].lower() == one["name"].lower()), None)
            if wanted is None or not _fits(one["type"], wanted["type"]):
                raise Refused(
                    f"Provided Schema does not match Table {target[1]}.{target[2]}. Field {one['name']} has changed type "
                    f"from {wanted['type'] if wanted else 'nothing'} to {one['type']}",
                    "invalid",
                )
        if not all(is_column_name(one["name"]) for one in fields):
            raise Refused("Invalid field name", "invalid")
        columns = ", ".join(f'CAST("{one["name"]}" AS {duckdb_type(one)}) AS "{one["name"]}"' for one in fields)
        place = self._new_place()
        self._con.register("loaded", rows)
        before = ""
        if disposition == "WRITE_APPEND" and target[2] in dataset.tables:
            before = f"SELECT * FROM {dataset.tables[target[2]].place} UNION ALL "
        try:
            self._con.execute(f"CREATE TABLE {place} AS {before}SELECT {columns} FROM loaded")
        except duckdb.Error as error:
            raise Refused(*_explained(error)) from error
        finally:
            self._con.unregister("loaded")
        self._take(dataset, target[2], place, fields, {})
        return int(rows.num_rows)

    def make(self, target: Name, fields: list[Field]) -> None:
        """An empty table."""
        if not all(is_column_name(one["name"]) for one in fields):
            raise Refused("Invalid field name", "invalid")
        place = self._new_place()
        columns = ", ".join(f'"{one["name"]}" {duckdb_type(one)}' for one in fields)
        self._con.execute(f"CREATE TABLE {place} ({columns})")
        self._take(self.dataset(target[1], target[0]), target[2], place, fields, {})

    def drop(self, target: Name, location: str | None = None, *, missing_ok: bool = False) -> None:
        """Remove a table."""
        try:
            table = self.table(target, location)
        except Refused:
            if missing_ok:
                return
            raise
        del self.datasets[target[1]].tables[target[2]]
        self._con.execute(f"DROP TABLE {table.place}")

    def rows(self, table: Table, start: int, count: int, columns: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Some rows, in the order they were written in."""
        wanted = ", ".join(f'"{name}"' for name in columns) if columns else "*"
        asked = f"SELECT {wanted} FROM {table.place} ORDER BY rowid LIMIT {count} OFFSET {start}"
        return self._con.execute(asked).fetchall()

    def arrow(self, table: Table, columns: list[str]) -> Any:
        """All rows as an Arrow table."""
        wanted = ", ".join(f'"{name}"' for name in columns) or "*"
        return self._con.execute(f"SELECT {wanted} FROM {table.place} ORDER BY rowid").fetch_arrow_table()

    def _new_place(self) -> str:
        self._count += 1
        return f"main.t{self._count}"

    def _take(self, dataset: Dataset, name: str, place: str, fields: list[Field], labels: Mapping[str, str]) -> None:
        old = dataset.tables.get(name)
        (count,) = self._con.execute(f"SELECT count(*) FROM {place}").fetchall()[0]
        dataset.tables[name] = Table(place, fields, count, labels)
        if old is not None:
            self._con.execute(f"DROP TABLE {old.place}")

    def _placed(self, query: str, location: str) -> str:
        def place(found: re.Match[str]) -> str:
            return self.table((found["project"], found["dataset"], found["table"]), location).place

        return re.sub(r'"(?P<project>[^".]+)"\."(?P<dataset>[^".]+)"\."(?P<table>[^".]+)"', place, query)


def _fits(found: str, wanted: str) -> bool:
    """https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions"""
    return found == wanted or (found, wanted) in {
        ("TIMESTAMP", "DATETIME"),
        ("NUMERIC", "BIGNUMERIC"),
        ("BYTES", "STRING"),
        ("INTEGER", "NUMERIC"),
    }


def _explained(error: duckdb.Error) -> tuple[str, str]:
    """What BigQuery calls a query that ends in the middle."""
    text = str(error).splitlines()[0]
    if found := re.search(r"Could not convert string '(?P<value>.*)' to (?P<kind>\w+)", text):
        return f"Bad {_WORDS.get(found['kind'], found['kind'].lower())} value: {found['value']}", "invalidQuery"
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        # No `internalError`: those are tried again for ten minutes.
        return f"the double's own query does not run: {text}", "notImplemented"
    return text.removeprefix("Invalid Input Error: "), "invalidQuery"


_WORDS = {"INT64": "int64", "DOUBLE": "double", "BOOL": "bool"}
