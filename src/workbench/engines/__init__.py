"""Engines: what runs the Ibis expressions of a client."""

from __future__ import annotations

from workbench.engines.duckdb import connection, is_expression, write_parquet

__all__ = ["connection", "is_expression", "write_parquet"]
