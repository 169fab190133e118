"""Kind ``csv``: files of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.sources.delimited import read_delimited
from workbench.sources.paths import find_files

if TYPE_CHECKING:
    from workbench.clients.sources import CsvSource
    from workbench.sources.opening import OpenedTable, Opening

__all__ = ["open_table"]


def open_table(source: CsvSource, opening: Opening) -> OpenedTable:
    """Open one file, or all files of a glob as one table."""
    return read_delimited(find_files(source.path, opening), source, opening)
