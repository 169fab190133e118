"""Small results that people open: JSON records, CSV tables, text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import PathDataset
from workbench.errors import DataError
from workbench.files import durable_file, write_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CsvTable", "JsonRecord", "TextFile"]


class JsonRecord(PathDataset[dict[str, Any], dict[str, Any]]):
    """One JSON object, indented, keys in the order they were given."""

    def load(self) -> dict[str, Any]:
        """The object.

        Raises:
            DataError: the file is no JSON object any more.
        """
        try:
            record: dict[str, Any] = json.loads(self._present().read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise _damaged(self._path, "JSON") from error
        if not isinstance(record, dict):
            raise _damaged(self._path, "a JSON object")
        return record

    def save(self, data: dict[str, Any]) -> None:
        """Write it; NaN and infinities are refused, because JSON has none."""
        write_text(self._path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


class CsvTable(PathDataset["pa.Table", "pa.Table"]):
    """A small Arrow table as CSV, for DVC's plots and for people.

    A spreadsheet runs a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return. In the file, an
    apostrophe stands before such a text (OWASP, "CSV injection"); loading takes it away again.
    """

    def load(self) -> pa.Table:
        """The table, types inferred.

        Raises:
            DataError: the file is not CSV any more.
        """
        import pyarrow as pa
        from pyarrow import csv

        try:
            table = csv.read_csv(self._present())
        except pa.ArrowInvalid as error:
            raise _damaged(self._path, "CSV") from error
        return _with_texts(table, _without_mark)

    def save(self, data: pa.Table) -> None:
        """Write it with a header line."""
        from pyarrow import csv

        with durable_file(self._path) as staging:
            csv.write_csv(_with_texts(data, _with_mark), staging, csv.WriteOptions(quoting_style="needed"))


_RUNS = r"^'*[=+\-@\t\r]"
_MARKED = r"^'+[=+\-@\t\r]"


def _with_texts(table: pa.Table, change: Callable[[Any], Any]) -> pa.Table:
    """The table with every text column changed."""
    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(position, field.name, change(table.column(position)))
    return table


def _with_mark(texts: Any) -> Any:
    from pyarrow import compute

    runs = compute.match_substring_regex(texts, _RUNS)
    return compute.if_else(runs, compute.binary_join_element_wise("'", texts, ""), texts)


def _without_mark(texts: Any) -> Any:
    from pyarrow import compute

    marked = compute.match_substring_regex(texts, _MARKED)
    return compute.if_else(marked, compute.utf8_slice_codeunits(texts, 1), texts)


def _damaged(path: Path, kind: str) -> DataError:
    return DataError(
        f"is not {kind}", where=str(path), hint="make it again with `kedro run`, or bring it back with `dvc checkout`"
    )


class TextFile(PathDataset[str, str]):
    """UTF-8 text, such as an HTML report."""

    def load(self) -> str:
        """The text."""
        return self._present().read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write it durably."""
        write_text(self._path, data)
