"""The tables of a client, where they are read now, and where they go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.engines.duckdb import digest_of_file
from workbench.engines.publishing import name_for_file, new_name, parquet_batches
from workbench.engines.stub import places_in

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.engines import Warehouse
    from workbench.engines.digests import TableDigest

__all__ = ["Table", "primary_of", "tables_of"]


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        label: ``raw/flights``, ``primary`` or ``features``.
        layer: the beginning of its name in an engine.
        path: its file, or the stub that stands for it.
    """

    label: str
    layer: str
    path: Path

    @property
    def places(self) -> dict[str, str] | None:
        """Where the rows are, if they are not in the file."""
        return places_in(self.path) if self.layer == "primary" else None

    def schema(self) -> pa.Schema:
        """Its columns."""
        import pyarrow.parquet as pq

        return pq.read_schema(self.path).remove_metadata()

    def name_in(self, warehouse: Warehouse) -> str:
        """Its name in an engine that has it, or is to get it."""
        places = self.places
        if places is None:
            return name_for_file(self.layer, self.path)
        return places.get(warehouse.location) or new_name(self.layer)

    def read(self, warehouse: Warehouse | None) -> pa.RecordBatchReader:
        """The rows as the client's pipelines read them: from the engine if it has them, else from the file."""
        if warehouse is not None:
            name = self.name_in(warehouse)
            if name in warehouse.names():
                return warehouse.batches(warehouse.table(name), self.schema())
        return parquet_batches(self.path)

    def digest(self, warehouse: Warehouse | None) -> TableDigest | None:
        """What the engine that has the rows computes of them; None if it cannot."""
        if warehouse is not None:
            name = self.name_in(warehouse)
            if name in warehouse.names():
                return warehouse.digest(name, self.schema())
        return digest_of_file(self.path, self.schema())


def primary_of(project: Path, client: str) -> Path:
    """The file of the joined table."""
    return project / "data" / client / "03_primary" / "primary.parquet"


def tables_of(project: Path, client: str) -> Iterator[Table]:
    """What there is of a client: raw tables by name, the joined table, the features."""
    data = project / "data" / client
    for path in sorted((data / "01_raw").glob("*.parquet")):
        yield Table(f"raw/{path.stem}", "raw", path)
    for label, path in (("primary", primary_of(project, client)), ("features", data / "04_feature/features.parquet")):
        if path.is_file():
            yield Table(label, label, path)
