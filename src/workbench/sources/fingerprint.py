"""What a source holds, as a digest, without opening it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.clients.sources import CsvSource, PackageCsvSource, ParquetSource, SklearnSource, TpchSource
from workbench.errors import WorkbenchError
from workbench.fingerprints.packages import version_of
from workbench.fingerprints.values import digest_of
from workbench.sources.paths import find_files

if TYPE_CHECKING:
    from workbench.clients.sources import Source

__all__ = ["fingerprint_of"]


@dataclass(frozen=True)
class _Place:
    client: str
    project: Path
    where: str


def fingerprint_of(source: Source, client: str, project: Path, digest: Callable[[Path], str | None]) -> str | None:
    """A digest of what client.yml says of a source, and of the files that it reads.

    Args:
        source: of any kind.
        client: the client's id.
        project: paths in client.yml are relative to it.
        digest: of a file.

    Returns:
        None for a kind that cannot be looked at without reading it, and where a file is missing: opening it says why.
    """
    match source:
        case CsvSource() | ParquetSource():
            try:
                files = find_files(source.path, _Place(client, project, f"client {client}"))
            except WorkbenchError:
                return None
        case PackageCsvSource():
            spec = find_spec(source.package)
            files = [Path(folder) / source.member for folder in (spec and spec.submodule_search_locations) or ()]
        case TpchSource():
            return digest_of([source.model_dump(mode="json"), version_of("tpchgen-cli")])
        case SklearnSource():
            return digest_of([source.model_dump(mode="json"), version_of("sklearn")])
        case _:
            return None
    return digest_of([source.model_dump(mode="json"), [[path.name, digest(path)] for path in files]])
