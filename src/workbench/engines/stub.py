"""A Parquet file that stands for a table in an engine: its columns, none of its rows, and where the rows are.

It is written durably after the table, so it never names one that is not whole. It lies where the table itself would lie
if the engine were DuckDB: what depends on it, and DVC, see a new table as a new file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import durable_file

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["places_in", "write_stub"]

_KEY = b"workbench.places"


def write_stub(path: Path, schema: pa.Schema, places: Mapping[str, str]) -> None:
    """Write the file.

    Args:
        path: the file.
        schema: the columns.
        places: location of an engine to the name of the table there.
    """
    import pyarrow.parquet as pq

    plain = schema.with_metadata({_KEY: json.dumps(dict(sorted(places.items())))})
    with durable_file(path) as staging:
        pq.write_table(plain.empty_table(), staging, compression="zstd")


def places_in(path: Path) -> dict[str, str] | None:
    """The places that a stub names; None if the file holds the rows itself."""
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    if _KEY not in metadata:
        return None
    places: dict[str, str] = json.loads(metadata[_KEY])
    return places
