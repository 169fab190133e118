"""Engines: what runs the Ibis expressions of a client, and where its tables lie."""

from __future__ import annotations

from workbench.engines.duckdb import connection, is_expression, write_parquet
from workbench.engines.fetching import fetch, is_embedded
from workbench.engines.opening import open_warehouse, warehouse_of
from workbench.engines.warehouse import Warehouse

__all__ = [
    "Warehouse",
    "connection",
    "fetch",
    "is_embedded",
    "is_expression",
    "open_warehouse",
    "warehouse_of",
    "write_parquet",
]
