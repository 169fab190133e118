"""From a path in client.yml to files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Protocol

from workbench.clients.roots import refuse_another_clients
from workbench.errors import ConfigurationError, DataError, did_you_mean

__all__ = ["Place", "find_files", "inside"]


class Place(Protocol):
    """Whose files are looked for, and where."""

    @property
    def client(self) -> str:
        """The client's id."""

    @property
    def project(self) -> Path:
        """The folder that paths are relative to."""

    @property
    def where(self) -> str:
        """The beginning of every error."""


def find_files(pattern: str, opening: Place) -> list[Path]:
    """The files that a path or a glob names, sorted.

    Raises:
        ConfigurationError: the path leaves the project, or leads into another client's data.
        DataError: there is no such file.
    """
    relative = inside(pattern, opening.where)
    matches = opening.project.glob(str(relative)) if set(pattern) & set("*?[") else [opening.project / relative]
    files = sorted(path for path in matches if path.is_file())
    for path in files:
        refuse_another_clients(opening.project, opening.client, path.relative_to(opening.project), opening.where)
    if not files:
        folder = (opening.project / relative).parent
        raise DataError(
            f"no file is at '{pattern}'",
            where=opening.where,
            tried=str(opening.project / relative),
            hint=did_you_mean(relative.name, _names(folder), "bring the file, or correct `path` in client.yml"),
        )
    return files


def inside(path: str, where: str) -> PurePosixPath:
    """A path that stays inside the folder it is relative to."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path or not relative.parts:
        raise ConfigurationError(
            f"path {path!r} leads out of the folder it is relative to",
            where=where,
            hint="give a path without a leading `/` and without `..`",
        )
    return relative


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
