"""A client's own folders, ``data/<client>`` and ``models/<client>``, and the ways out of them.

Paths are compared part by part and with links followed: a root is no prefix of text (``data/acme`` is none of
``data/acme_2``), and a link in a client's folder leads nowhere else. The folders ``data`` and ``models`` themselves may
be links, to a larger disk.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from workbench.errors import ConfigurationError

__all__ = ["FOLDERS", "owner_of_path", "refuse_another_clients", "refuse_way_out"]

FOLDERS = ("data", "models")

_OF_THE_PROJECT = frozenset({"conf", "src"})
_BY_CLIENT = (*FOLDERS, "deliveries")


def refuse_way_out(path: Path) -> None:
    """Refuse a path below a client's own folder that really lies elsewhere.

    A path that is below no client's folder of any project is nobody's, and not looked at.

    Raises:
        ConfigurationError: a link leads out.
    """
    owner = owner_of_path(path)
    if owner is None:
        return
    project, client = owner
    roots = [Path(os.path.realpath(project / folder)) / client for folder in FOLDERS]
    entries = path.rglob("*") if path.is_dir() else ()
    for one in (path, *(entry for entry in entries if entry.is_symlink())):
        real = Path(os.path.realpath(one))
        if not any(real.is_relative_to(root) for root in roots):
            raise ConfigurationError(
                "a link leads out of the client's own folders",
                where=f"client {client}, {one}",
                hint="put the file itself there; DVC's `cache.type` may be anything but `symlink`",
            )


def owner_of_path(path: Path) -> tuple[Path, str] | None:
    """The project and the client whose own a path is, by its name."""
    above = path.parent
    while above.parent != above:
        folder, project = above.parent, above.parent.parent
        if folder.name in FOLDERS and (project / "conf" / "clients" / above.name / "client.yml").is_file():
            return project, above.name
        above = folder
    return None


def refuse_another_clients(project: Path, client: str, relative: PurePath, where: str) -> None:
    """Refuse a path that is another client's, or the project's own, by its name or by where its links lead.

    Args:
        project: the project's folder.
        client: who reads it.
        relative: from the project's folder.
        where: for the error.

    Raises:
        ConfigurationError: it is.
    """
    real = Path(os.path.realpath(project / relative))
    # A disk may be blind to case, and the owner of a file is not.
    for parts in (_folded(relative), *_inside(project, real)):
        if parts[:1] and (parts[0] in _OF_THE_PROJECT or parts[0].startswith(".")):
            whose = "is the project's own"
        elif len(parts) > 1 and parts[0] in _BY_CLIENT and parts[1] != client and _is_somebodys(project, parts):
            whose = "is another client's"
        else:
            continue
        raise ConfigurationError(
            f"'{relative}' {whose}",
            where=where,
            hint=f"read from data/{client}, or from a folder that is no client's",
        )
    refuse_way_out(project / relative)


def _is_somebodys(project: Path, parts: tuple[str, ...]) -> bool:
    """Below ``data`` each folder is a client's, be it registered or gone; ``models/base`` may be for all."""
    clients = project / "conf" / "clients"
    return (
        parts[0] == "data" or not clients.is_dir() or parts[1] in {path.name.casefold() for path in clients.iterdir()}
    )


def _inside(project: Path, real: Path) -> list[tuple[str, ...]]:
    """The path from each of the roots, real ones, below which a file belongs to somebody."""
    found = []
    for name in ("", *_BY_CLIENT):
        root = Path(os.path.realpath(project / name))
        if real.is_relative_to(root):
            found.append(_folded(PurePath(name) / real.relative_to(root)))
    return found


def _folded(path: PurePath) -> tuple[str, ...]:
    return tuple(part.casefold() for part in path.parts)
