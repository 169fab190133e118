"""Engines: what runs the Ibis expressions of a client, and where its tables lie."""

from __future__ import annotations

from workbench.engines.duckdb import connection, file_of, is_expression, read_file, write_parquet
from workbench.engines.fetching import fetch, is_embedded
from workbench.engines.opening import open_warehouse, warehouse_of
from workbench.engines.warehouse import Warehouse

__all__ = [
    "Warehouse",
    "connection",
    "fetch",
    "file_of",
    "is_embedded",
    "is_expression",
    "open_warehouse",
    "read_file",
    "warehouse_of",
    "write_parquet",
]
