"""Where each value of a client's configuration comes from: the file and line that won, and what it overrode.

Parameters are merged as Kedro merges them (``merge_strategy`` "soft"): base first, then the client's own, mapping by
mapping. The fields of ``client.yml`` have one file, and the model's defaults beneath it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.clients.registry import ClientRegistry
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError

__all__ = ["DEFAULT", "Setting", "Stated", "explain", "find"]

DEFAULT = "the default"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Stated:
    """A value, and where it is stated.

    Attributes:
        value: as in the file.
        where: ``conf/base/parameters.yml:12``, or :data:`DEFAULT`.
    """

    value: Any
    where: str


@dataclass(frozen=True)
class Setting:
    """One value that is in force.

    Attributes:
        key: with dots: ``train.learning_rate``, ``metric.margin``.
        winner: what is in force.
        overridden: what it overrode, the nearest first.
    """

    key: str
    winner: Stated
    overridden: tuple[Stated, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "key": self.key,
            "value": self.winner.value,
            "where": self.winner.where,
            "overridden": [{"value": one.value, "where": one.where} for one in self.overridden],
        }


def explain(registry: ClientRegistry, client_id: str) -> list[Setting]:
    """Every setting of a client, sorted by key.

    Raises:
        UnknownClient: the client is not in the registry.
        ConfigurationError: a file of its configuration is wrong.
    """
    project, folder = registry.project, registry.folder(client_id)
    base = project / "conf" / "base"
    layers = [_stated(read_yaml(path), project) for path in (*_parameters(base), *_parameters(folder))]
    return sorted(
        [*_merged(layers), *_fields(registry, client_id, folder, project)], key=lambda setting: setting.key.split(".")
    )


def find(settings: Sequence[Setting], key: str) -> list[Setting]:
    """The settings under a key: itself, or those of the block that it names.

    Raises:
        ConfigurationError: there is none.
    """
    found = [setting for setting in settings if setting.key == key or setting.key.startswith(f"{key}.")]
    if not found:
        known = {setting.key for setting in settings} | {setting.key.rpartition(".")[0] for setting in settings}
        near = difflib.get_close_matches(key, known - {""}, n=1)
        raise ConfigurationError(
            f"there is no setting '{key[:100]}'",
            hint=f"did you mean '{near[0]}'?" if near else "leave the key out to see them all",
        )
    return found


def _parameters(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("parameters*.yml") if path.is_file())


def _stated(file: YamlFile, project: Path) -> dict[Key, Stated]:
    where = file.path.relative_to(project)
    return {path: Stated(value, f"{where}:{file.line(path)}") for path, value in _leaves(file.data)}


def _leaves(data: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for key, value in data.items():
        path = (*above, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _merged(layers: Iterable[Mapping[Key, Stated]]) -> Iterator[Setting]:
    found: dict[Key, list[Stated]] = {}
    for layer in layers:
        for path, stated in layer.items():
            # A value in the place of a mapping, or the other way round, replaces the whole of it.
            for other in [one for one in found if one != path and (_begins(one, path) or _begins(path, one))]:
                del found[other]
            found.setdefault(path, []).insert(0, stated)
    for path, (winner, *overridden) in found.items():
        yield Setting(".".join(path), winner, tuple(overridden))


def _begins(path: Key, start: Key) -> bool:
    return path[: len(start)] == start


def _fields(registry: ClientRegistry, client_id: str, folder: Path, project: Path) -> Iterator[Setting]:
    """The fields of client.yml, those that it leaves out as well."""
    stated = _stated(read_yaml(folder / "client.yml"), project)
    for path, value in _leaves(registry.load(client_id).model_dump(mode="json")):
        where = stated[path].where if path in stated else DEFAULT
        yield Setting(".".join(path), Stated(value, where))
