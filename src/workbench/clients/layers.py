"""The layers of a client's configuration: base, industry, client, stage; a later one decides over an earlier.

::

    conf/base/                      what all clients share
    conf/industries/<industry>/     optional: what all clients of an industry share; client.yml names it
    conf/clients/<client>/          what is the client's own
    conf/stages/<stage>/_all/       optional: what differs in a stage for everybody
    conf/stages/<stage>/<client>/   optional: what differs in it for one client

The stage is one for a process, in the variable ``WORKBENCH_STAGE``, so that whatever a run starts is in its stage too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.clients.model import CLIENT_ID, is_device
from workbench.clients.yaml_files import Location, YamlFile
from workbench.errors import ConfigurationError, did_you_mean

__all__ = ["ALL", "STAGES", "STAGE_VARIABLE", "Layer", "MergedYaml", "checked_stage", "current_stage", "layers_of"]

STAGES = ("dev", "staging", "prod")
STAGE_VARIABLE = "WORKBENCH_STAGE"
ALL = "_all"
"""The folder of a stage that is for every client; no client can have that name."""


@dataclass(frozen=True)
class Layer:
    """One folder of a client's configuration.

    Attributes:
        kind: which of the layers.
        folder: where its files lie.
    """

    kind: Literal["base", "industry", "client", "stage"]
    folder: Path

    def files(self, kind: str) -> list[Path]:
        """The files of a kind, such as ``parameters``, sorted."""
        return sorted(path for path in self.folder.glob(f"{kind}*.yml") if path.is_file())


class MergedYaml(YamlFile):
    """Several files as one; where a key stands is where it was said last.

    A mapping is merged key by key, but where a later file gives another ``kind``, it replaces the whole. An entry that
    a later file sets to null is taken out.

    Args:
        files: from the lowest layer to the highest.
        own: the one that is named when no file says a key.
    """

    def __init__(self, files: Sequence[YamlFile], own: YamlFile) -> None:
        data: dict[str, Any] = {}
        for file in files:
            data = _merged(data, file.data)
        super().__init__(own.path, data, {})
        self._files, self._own = files, own

    def line(self, location: Location) -> int:
        """The line in the file that decides."""
        return self._decides(location).line(location)

    def place(self, location: Location) -> str:
        """File and line of a key, or of its nearest ancestor."""
        return self._decides(location).place(location)

    def _decides(self, location: Location) -> YamlFile:
        while location:
            for file in reversed(self._files):
                if file.states(location):
                    return file
            location = location[:-1]
        return self._own


def _merged(below: Mapping[str, Any], above: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if value is None and depth == 1:
            merged.pop(key, None)
        elif (
            isinstance(value, Mapping)
            and isinstance(old, Mapping)
            and value.get("kind", old.get("kind")) == old.get("kind")
        ):
            merged[key] = _merged(old, value, depth + 1)
        else:
            merged[key] = value
    return merged


def current_stage(environ: Mapping[str, str] = os.environ) -> str | None:
    """The stage of this process; None without one.

    Raises:
        ConfigurationError: the variable names no stage.
    """
    value = environ.get(STAGE_VARIABLE)
    return checked_stage(value) if value else None


def checked_stage(name: str) -> str:
    """A stage's name.

    Raises:
        ConfigurationError: there is no such stage.
    """
    if name not in STAGES:
        raise ConfigurationError(
            f"stage {name[:40]!r} does not exist",
            tried=", ".join(STAGES),
            hint=did_you_mean(name[:40], STAGES, "give one of them, or none"),
        )
    return name


def layers_of(project: Path, client_id: str, industry: object, stage: str | None, where: str) -> tuple[Layer, ...]:
    """The layers that a client has above base, from the lowest to the highest.

    Args:
        project: the project's folder.
        client_id: a registered client.
        industry: as client.yml says it.
        stage: the stage, if there is one.
        where: file and line of ``industry``.

    Raises:
        ConfigurationError: there is no such industry, or a stage's folder is a symbolic link.
    """
    conf = project / "conf"
    layers = [] if industry is None else [Layer("industry", _industry(conf / "industries", industry, where))]
    layers.append(Layer("client", conf / "clients" / client_id))
    if stage is not None:
        layers += [Layer("stage", folder) for folder in _stage(conf / "stages" / stage, client_id)]
    return tuple(layers)


def _industry(root: Path, name: object, where: str) -> Path:
    known = sorted(entry.name for entry in os.scandir(root) if _is_plain(entry)) if root.is_dir() else []
    if name not in known:
        raise ConfigurationError(
            f"industry {str(name)[:40]!r} does not exist",
            where=where,
            tried=", ".join(known) or str(root),
            hint=did_you_mean(str(name)[:40], known, "make the folder, or leave `industry` out"),
        )
    return root / str(name)


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return (
        bool(re.fullmatch(CLIENT_ID, entry.name)) and not is_device(entry.name) and entry.is_dir(follow_symlinks=False)
    )


def _stage(root: Path, client_id: str) -> Iterator[Path]:
    for folder in (root / ALL, root / client_id):
        if folder.is_symlink() or root.is_symlink():
            raise ConfigurationError("a layer may be no symbolic link", where=str(folder), hint="make it a real folder")
        if folder.is_dir():
            yield folder
