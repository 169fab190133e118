"""Where each value of a client's configuration comes from: the file and line that won, and what it overrode.

Parameters, and the settings of datasets that a layer changes, are merged as the loader merges them: layer by layer,
mapping by mapping. The fields of ``client.yml`` have the layers that say them, and the model's defaults beneath.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.clients.layers import Layer
from workbench.clients.overrides import REQUIRED
from workbench.clients.registry import ClientRegistry
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError, did_you_mean

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
    project, layers = registry.project, registry.layers(client_id)
    base = Layer("base", project / "conf" / "base")
    parameters = [_stated(read_yaml(path), project) for layer in (base, *layers) for path in layer.files("parameters")]
    found = [*_merged(parameters), *_datasets(project, base, layers), *_fields(registry, client_id, layers)]
    return sorted(found, key=lambda setting: setting.key.split("."))


def find(settings: Sequence[Setting], key: str) -> list[Setting]:
    """The settings under a key: itself, or those of the block that it names.

    Raises:
        ConfigurationError: there is none.
    """
    found = [setting for setting in settings if setting.key == key or setting.key.startswith(f"{key}.")]
    if not found:
        known = {setting.key for setting in settings} | {setting.key.rpartition(".")[0] for setting in settings}
        raise ConfigurationError(
            f"there is no setting '{key[:100]}'",
            hint=did_you_mean(key, known - {""}, "leave the key out to see them all"),
        )
    return found


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
            if stated.value == REQUIRED and path in found:
                continue
            # A value in the place of a mapping, or the other way round, replaces the whole of it.
            for other in [one for one in found if one != path and (_begins(one, path) or _begins(path, one))]:
                del found[other]
            found.setdefault(path, []).insert(0, stated)
    for path, (winner, *overridden) in found.items():
        yield Setting(".".join(path), winner, tuple(overridden))


def _begins(path: Key, start: Key) -> bool:
    return path[: len(start)] == start


def _datasets(project: Path, base: Layer, layers: Sequence[Layer]) -> Iterator[Setting]:
    """The settings of datasets that a layer changes; those that it leaves alone are in base, for everybody."""
    own = [_stated(read_yaml(path), project) for layer in layers for path in layer.files("catalog")]
    if not any(own):
        return
    names = {path[0] for stated in own for path in stated}
    below = [_stated(read_yaml(path), project) for path in base.files("catalog")]
    kept = [{path: one for path, one in stated.items() if path[0] in names} for stated in below]
    for setting in _merged([*kept, *own]):
        yield replace(setting, key=f"catalog.{setting.key}")


def _fields(registry: ClientRegistry, client_id: str, layers: Sequence[Layer]) -> Iterator[Setting]:
    """The fields of client.yml, those that no layer says as well."""
    files = [file for layer in layers if (file := layer.folder / "client.yml").is_file()]
    stated = [_stated(read_yaml(file), registry.project) for file in files]
    for path, value in _leaves(registry.load(client_id).model_dump(mode="json")):
        said = [layer[path] for layer in reversed(stated) if path in layer]
        # The model's value: what a file says as 300 may be 300.0, and a list in a file is the list in force.
        winner = Stated(value, said[0].where) if said else Stated(value, DEFAULT)
        yield Setting(".".join(path), winner, tuple(said[1:]))
