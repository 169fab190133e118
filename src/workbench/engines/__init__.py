"""Engines: what runs the Ibis expressions of a client."""

from __future__ import annotations

from workbench.engines.duckdb import connection, fetch, is_expression, write_parquet

__all__ = ["connection", "fetch", "is_expression", "write_parquet"]
