"""Small results that people open: JSON records, CSV tables, text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import PathDataset
from workbench.files import durable_file, write_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CsvTable", "JsonRecord", "TextFile"]


class JsonRecord(PathDataset[dict[str, Any], dict[str, Any]]):
    """One JSON object, indented, keys in the order they were given."""

    def load(self) -> dict[str, Any]:
        """The object."""
        record: dict[str, Any] = json.loads(self._present().read_text(encoding="utf-8"))
        return record

    def save(self, data: dict[str, Any]) -> None:
        """Write it; NaN and infinities are refused, because JSON has none."""
        write_text(self._path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


class CsvTable(PathDataset["pa.Table", "pa.Table"]):
    """A small Arrow table as CSV, for DVC's plots and for people."""

    def load(self) -> pa.Table:
        """The table, types inferred."""
        from pyarrow import csv

        return csv.read_csv(self._present())

    def save(self, data: pa.Table) -> None:
        """Write it with a header line."""
        from pyarrow import csv

        with durable_file(self._path) as staging:
            csv.write_csv(data, staging, csv.WriteOptions(quoting_style="needed"))


class TextFile(PathDataset[str, str]):
    """UTF-8 text, such as an HTML report."""

    def load(self) -> str:
        """The text."""
        return self._present().read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write it durably."""
        write_text(self._path, data)
