"""Names of a client's tables in an engine, and the way from a Parquet file into it.

A table that was made of a file bears the file's digest in its name: whether the engine has the rows of the file is a
question for its list of tables, and nothing has to be kept in step. A table that the engine made itself bears a random
one, and a file here says which counts (:mod:`workbench.engines.stub`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.engines.warehouse import BATCH_ROWS, Warehouse
from workbench.files import sha256_of_path

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["LAYERS", "keep_only", "name_for_file", "new_name", "ours", "parquet_batches", "publish"]

LAYERS = ("raw", "primary", "features", "loading")
"""The beginnings of the names; nothing else in the namespace is touched, ever."""

_DIGITS = 12
_CHARACTERS = 30
"""Of the table's own name: PostgreSQL cuts off what is beyond 63 characters, without a word."""


def name_for_file(layer: str, path: Path) -> str:
    """The table that holds the rows of a Parquet file: ``raw_flights_3f0c9a1b2d4e``."""
    middle = "" if path.stem == layer else f"{path.stem.lower()[:_CHARACTERS]}_"
    return f"{layer}_{middle}{sha256_of_path(path)[:_DIGITS]}"


def new_name(layer: str) -> str:
    """A table that an engine is going to make: ``primary_8d1e5b0f7a62``."""
    return f"{layer}_{uuid.uuid4().hex[:_DIGITS]}"


def publish(warehouse: Warehouse, layer: str, path: Path) -> ir.Table:
    """The rows of a Parquet file as a table of the engine; they are sent there if they are not there yet."""
    name = name_for_file(layer, path)
    if name not in warehouse.names():
        with parquet_batches(path) as rows:
            warehouse.load(name, rows)
    return warehouse.table(name)


def parquet_batches(path: Path) -> pa.RecordBatchReader:
    """The rows of a Parquet file as a stream."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    schema = file.schema_arrow.remove_metadata()
    return pa.RecordBatchReader.from_batches(schema, file.iter_batches(BATCH_ROWS))


def ours(names: Iterable[str], layers: Collection[str] = LAYERS) -> list[str]:
    """Those names that the workbench gave."""
    return [name for name in names if name.partition("_")[0] in layers and "_" in name]


def keep_only(warehouse: Warehouse, layer: str, names: Collection[str]) -> None:
    """Drop older tables of a layer, and what a writer that was killed has left."""
    for name in ours(warehouse.names(), (layer, "loading")):
        if name not in names:
            warehouse.drop(name)
