"""What all of the datasets share: a path or a client, a description of themselves, "missing" said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from workbench.clients.roots import refuse_way_out
from workbench.errors import DataError

__all__ = ["ClientDataset", "ClientInput", "ClientPathDataset", "PathDataset", "ReadOnlyDataset"]

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class _Dataset(AbstractDataset[_In, _Out]):
    """What Kedro's base class lacks."""

    metadata: dict[str, Any] | None = None

    def _init_config(self) -> dict[str, Any]:
        """The arguments by name, for ``catalog.to_config()``, also of a class that inherits its constructor.

        Kedro wraps the constructor once more for each class, and of a wrapper it notes ``args`` and ``kwargs``.
        """
        config: dict[str, Any] = super()._init_config()
        config.pop("args", None)
        config |= config.pop("kwargs", {})
        config.pop("metadata", None)
        return config


class PathDataset(_Dataset[_In, _Out]):
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


class ClientPathDataset(PathDataset[_In, _Out]):
    """A file or a folder of one client that has to be told whose it is: what it does hangs on the client's engine.

    Args:
        filepath: the file or folder; relative paths are taken from the project, by Kedro.
        client: the client's id.
        path: the project's ``conf`` folder; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, filepath: str, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._client, self._project = client, Path(path).parent


class ClientDataset(_Dataset[_In, _Out]):
    """What is known of one client elsewhere than in a file: in its configuration, its sources, or the registry.

    Args:
        client: the client's id.
        path: a folder of the project, ``conf`` or ``data``; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._client, self._project, self.metadata = client, Path(path).parent, metadata

    def _describe(self) -> dict[str, Any]:
        return {"client": self._client}


class ReadOnlyDataset(_Dataset[None, _Out]):
    """A dataset that a run only reads.

    Args:
        metadata: free text for people and plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def save(self, data: None) -> None:
        """Refuse to write."""
        raise DataError(f"{type(self).__name__} is read only")

    def _exists(self) -> bool:
        """It is nobody's output, so no run has to make it; where there is nothing to read, `load` says why."""
        return True

    def _describe(self) -> dict[str, Any]:
        return {}


class ClientInput(ClientDataset[None, _Out], ReadOnlyDataset[_Out]):
    """The same, for what a run only reads. Its arguments are those of :class:`ClientDataset`."""
