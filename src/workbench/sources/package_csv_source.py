"""Kind ``package_csv``: a file that an installed Python package carries. The package is found, not imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ConfigurationError, DataError
from workbench.sources.delimited import read_delimited
from workbench.sources.paths import inside

if TYPE_CHECKING:
    from workbench.clients.sources import PackageCsvSource
    from workbench.sources.opening import OpenedTable, Opening

__all__ = ["open_table"]


def open_table(source: PackageCsvSource, opening: Opening) -> OpenedTable:
    """Open the file inside the package's folder.

    Raises:
        ConfigurationError: the package is not installed.
        DataError: it has no such file.
    """
    spec = find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"package '{source.package}' is not installed",
            where=opening.where,
            hint=f"type `pip install {source.package}`",
        )
    member = inside(source.member, opening.where)
    candidates = [Path(folder) / member for folder in spec.submodule_search_locations]
    for path in candidates:
        if path.is_file():
            return read_delimited([path], source, opening)
    raise DataError(
        f"package '{source.package}' has no file '{source.member}'",
        where=opening.where,
        tried=", ".join(str(path) for path in candidates),
        hint="correct `member` in client.yml, or install the version that has it",
    )
