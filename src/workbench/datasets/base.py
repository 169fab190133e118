"""What all of the datasets share: a path, a description of themselves, and "missing" said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from workbench.clients.roots import refuse_way_out
from workbench.errors import DataError

__all__ = ["PathDataset", "ReadOnlyDataset"]

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class PathDataset(AbstractDataset[_In, _Out]):
    """A dataset that is one file or one folder.

    Args:
        filepath: the file or folder; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins (Kedro-Viz); not used here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    @property
    def path(self) -> Path:
        """Where the data lies."""
        return self._filepath

    @property
    def _path(self) -> Path:
        """The same, for who opens it: no link there leads out of the client's own folders."""
        refuse_way_out(self._filepath)
        return self._filepath

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _present(self) -> Path:
        if not self._exists():
            raise DataError(f"{self._filepath} does not exist", hint="run the pipeline that makes it: `kedro run`")
        return self._path


class ReadOnlyDataset(AbstractDataset[None, _Out]):
    """A dataset that a run only reads."""

    metadata: dict[str, Any] | None = None

    def save(self, data: None) -> None:
        """Refuse to write."""
        raise DataError(f"{type(self).__name__} is read only")

    def _describe(self) -> dict[str, Any]:
        return {}
