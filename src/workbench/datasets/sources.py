"""The two ends of ``ingest``: the tables where they come from, and the checked rows while a run needs them."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry, tombstones
from workbench.datasets.base import ClientInput
from workbench.datasets.tables import TableFolder
from workbench.engines import connection
from workbench.scratch import private_path

if TYPE_CHECKING:
    from workbench.clients import Source
    from workbench.fingerprints.facts import Look
    from workbench.sources import OpenedTable

__all__ = ["SourceTables", "StagedTables"]


class SourceTables(ClientInput[dict[str, Callable[[float], "OpenedTable"]]]):
    """A client's sources: table name to a function that opens the table; its argument is the scale factor.

    Nothing is read, unpacked or generated before that function is called. What it writes lies in a private folder
    (mode 0700) that is removed with this dataset, or when the process ends.

    Args:
        client: the client's id.
        path: the project's ``conf`` folder; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(client=client, path=path, metadata=metadata)
        self._scratch: Path | None = None

    def load(self) -> dict[str, Callable[[float], OpenedTable]]:
        """The functions, in the order of client.yml."""
        sources = ClientRegistry(self._project).load(self._client).sources
        return {table: partial(self._open, table, source) for table, source in sources.items()}

    def _open(self, table: str, source: Source, scale_factor: float) -> OpenedTable:
        from workbench.sources import Opening, open_source

        opening = Opening(
            client=self._client,
            table=table,
            project=self._project,
            scratch=self._folder(),
            connection=connection(),
            scale_factor=scale_factor,
        )
        return open_source(source, opening)

    def fingerprint(self, look: Look) -> dict[str, str] | None:
        """A digest for each table, and of who was forgotten; None if a table cannot be looked at without reading it."""
        from workbench.sources.fingerprint import fingerprint_of

        registry = ClientRegistry(self._project)
        sources = registry.load(self._client).sources
        found = {
            table: fingerprint_of(source, self._client, self._project, look.digest) for table, source in sources.items()
        }
        known = {table: digest for table, digest in found.items() if digest is not None}
        forgotten = look.digest(registry.folder(self._client) / tombstones.FILE)
        return known | {"": forgotten or "none"} if len(known) == len(found) else None

    def _folder(self) -> Path:
        if self._scratch is None:
            self._scratch = private_path("source")
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return self._scratch


class StagedTables(TableFolder):
    """Tables between two nodes of one run: removed as soon as no node of the run needs them.

    They are on disk because they may be larger than memory, and because a run that failed is looked into: what a failed
    run staged stays until the next run.
    """

    _EPHEMERAL = True  # for Kedro: the advice on how to resume must not count on them

    def _release(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
