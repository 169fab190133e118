"""Small tables in the engine, and a client to check them for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.checking import check_table
from workbench.clients import Client, TableSchema
from workbench.engines import connection, write_parquet


@pytest.fixture
def client() -> Client:
    return Client.model_validate(
        {
            "id": "acme",
            "title": "Acme",
            "owner": "somebody",
            "sources": {"people": {"kind": "csv", "path": "people.csv"}},
            "key": ["id"],
            "target": "late",
            "task": "binary",
            "personal": ["name"],
            "metric": {"name": "roc_auc"},
            "budgets": {"bad_rows_share": 0.25},
        }
    )


@pytest.fixture
def table_of(tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    """Columns (lists, or Arrow arrays with a type) to a table of the engine, rows in that order."""
    numbers = count()

    def make(columns: dict[str, Any]) -> Any:
        # Each table has a file of its own, as DuckDB may remember a file that is written over within a second.
        path = tmp_path / f"source_{next(numbers)}.parquet"
        pq.write_table(pa.table(columns), path)
        return connection().read_parquet(path)

    return make


@pytest.fixture
def check(table_of, tmp_path) -> Callable[..., Any]:
    """Columns and their schema to the checked table, written and read as a run does it."""
    numbers = count()

    def run(columns: dict[str, Any], schema: dict[str, Any], **table: Any) -> Any:
        checked = check_table(table_of(columns), TableSchema.model_validate({"columns": schema, **table}))
        path = tmp_path / f"checked_{next(numbers)}.parquet"
        write_parquet(checked, path)
        return connection().read_parquet(path)

    return run
