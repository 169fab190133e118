"""What a layer may say: files of known names, keys that base knows, settings of datasets; no class and no secret."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.clients import tombstones
from workbench.clients.layers import ALL, STAGES, Layer
from workbench.clients.resolvers import refuse_environment
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError, did_you_mean
from workbench.files import is_half_written

__all__ = [
    "REQUIRED",
    "check_catalog",
    "check_client_file",
    "check_parameters",
    "files_of",
    "refuse_unset",
    "stray_folders",
    "top_keys",
]

REQUIRED = "???"
"""A value that a higher layer has to give, as OmegaConf writes it."""

_FIELDS = {
    "industry": ("brand", "budgets", "deliver", "metric", "schedule", "split"),
    "stage": ("budgets", "deliver", "owner", "schedule", "sources"),
}
"""The fields of client.yml that a layer may set. What a client is (its id, task, target, key) is the client's own."""

_NAMES = ("client.yml", "parameters.yml", "catalog.yml")
_CLIENTS_NAMES = ("schema.yml", "globals.yml", "fleet.yml", "secrets.yml")
_KINDS = ("parameters", "catalog")
_TYPED = ("client.yml", "schema.yml", "fleet.yml", "secrets.yml")
"""Read by our own models alone; a column of a client's file may have any name, ``${oc.env:HOME}`` too."""
_READ_BY_KEDRO = frozenset({".yml", ".yaml", ".json"})


def files_of(layer: Layer) -> dict[Path, YamlFile]:
    """The YAML files of a layer, each read safely.

    Raises:
        ConfigurationError: a file is no safe YAML, a link, or one that a layer may not have.
    """
    read: dict[Path, YamlFile] = {}
    for path in sorted(layer.folder.rglob("*")):
        if path.is_symlink():
            raise ConfigurationError("a client's folder may hold no symbolic link", where=str(path))
        if path.name.startswith("credentials"):
            raise ConfigurationError("no secret lies in conf/", where=str(path), hint="move it to the environment")
        if layer.kind == "client" and path == layer.folder / tombstones.FILE:
            continue  # written by the workbench, and as long as it has to be
        if is_half_written(path):
            continue  # the workbench was killed while it wrote; who writes next removes it
        if path.suffix.lower() in _READ_BY_KEDRO:
            _refuse_unknown_file(path, layer)
            # Bounded size, depth and no aliases: OmegaConf would take an alias bomb at its word.
            read[path] = read_yaml(path)
            if path.name not in _TYPED:
                refuse_environment(read[path])
        elif layer.kind != "client" and path.suffix != ".md":
            _refuse_unknown_file(path, layer)
    return read


def _refuse_unknown_file(path: Path, layer: Layer) -> None:
    """Kedro would look into subfolders too, and into JSON; a misspelt name it would leave out without a word."""
    names = (*_NAMES, *(_CLIENTS_NAMES if layer.kind == "client" else ()))
    known = path.name in names or (path.suffix == ".yml" and path.name.startswith(_KINDS))
    if path.is_dir() or not known or path.parent != layer.folder:
        raise ConfigurationError(
            "this is no file of a client's configuration",
            where=str(path),
            tried=", ".join(names),
            hint=did_you_mean(path.name, [name for name in names if name != path.name], "move it away"),
        )


def check_client_file(layer: Layer, file: YamlFile) -> None:
    """An industry or a stage sets some fields of client.yml, and no others."""
    for key in file.data:
        if key not in _FIELDS[layer.kind]:
            raise ConfigurationError(
                f"{_of(layer)} may not set '{key}'",
                where=file.place((key,)),
                tried=", ".join(_FIELDS[layer.kind]),
                hint=did_you_mean(str(key), _FIELDS[layer.kind], "it is each client's own"),
            )


def check_parameters(project: Path, files: Iterable[YamlFile], client_id: str) -> None:
    """A layer may set what base sets, and nothing else."""
    given = list(files)
    if not given:
        return
    known = top_keys(project, "parameters")
    for file in given:
        _check_keys(file.data, known, (), file, client_id)


def _check_keys(
    given: dict[str, Any], known: dict[str, Any], at: tuple[str, ...], file: YamlFile, client_id: str
) -> None:
    for key, value in given.items():
        here = (*at, str(key))
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise ConfigurationError(
                f"unknown parameter '{'.'.join(here)}'",
                where=f"client {client_id}, {file.place(here)}",
                hint=f"did you mean '{'.'.join((*at, near[0]))}'?"
                if near
                else "conf/base/parameters.yml names them all",
            )
        # An empty mapping in base stands for one whose keys are not fixed.
        if isinstance(value, dict) and isinstance(known[key], dict) and known[key]:
            _check_keys(value, known[key], here, file, client_id)


def check_catalog(project: Path, files: Iterable[YamlFile], client_id: str) -> None:
    """A layer may change settings of datasets that base has: no class, no client's id, no place of another's."""
    given = list(files)
    if not given:
        return
    known = top_keys(project, "catalog")
    for file in given:
        for name, entry in file.data.items():
            if name not in known:
                raise ConfigurationError(
                    f"unknown dataset '{name}'",
                    where=f"client {client_id}, {file.place((name,))}",
                    hint=did_you_mean(str(name), known, "put the dataset into conf/base/catalog.yml"),
                )
            _check_settings(name, entry, file, client_id)


def _check_settings(name: str, entry: object, file: YamlFile, client_id: str) -> None:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"dataset '{name}' is no mapping of settings",
            where=f"client {client_id}, {file.place((name,))}",
            hint="write `name: {setting: value}`",
        )
    if "type" in entry:
        raise ConfigurationError(
            f"dataset '{name}' names a class; a client's catalog may change settings only",
            where=file.place((name, "type")),
            hint="put the dataset into conf/base/catalog.yml",
        )
    for key in ("client", "path", "credentials"):
        if key in entry:
            raise ConfigurationError(
                f"dataset '{name}' sets '{key}', which follows from the client",
                where=f"client {client_id}, {file.place((name, key))}",
                hint="remove it",
            )


def refuse_unset(
    values: Mapping[str, Any], files: Callable[[], Sequence[YamlFile]], client_id: str, at: tuple[str, ...] = ()
) -> None:
    """Refuse a value that is still :data:`REQUIRED` when all layers are merged; ``files`` are read to say where."""
    for key, value in values.items():
        here = (*at, str(key))
        if isinstance(value, Mapping):
            refuse_unset(value, files, client_id, here)
        elif value == REQUIRED:
            stated = next((file.place(here) for file in reversed(files()) if file.states(here)), "conf/base")
            name = ".".join(here)
            raise ConfigurationError(
                f"parameter '{name}' is required and no layer sets it",
                where=f"client {client_id}, {stated}",
                hint=f"set it in conf/clients/{client_id}/parameters.yml; `kedro client explain {client_id} {name}`",
            )


def top_keys(project: Path, kind: str) -> dict[str, Any]:
    """What base says of parameters, or of datasets, unresolved."""
    known: dict[str, Any] = {}
    for path in Layer("base", project / "conf" / "base").files(kind):
        known |= read_yaml(path).data
    return known


def stray_folders(project: Path, clients: Collection[str]) -> list[ConfigurationError]:
    """Folders under ``conf/stages`` that no run ever reads: they name no stage, or no client."""
    root = project / "conf" / "stages"
    stages = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    found = [
        ConfigurationError(
            f"'{path.name}' is no stage", where=str(path), hint=did_you_mean(path.name, STAGES, "remove it")
        )
        for path in stages
        if path.name not in STAGES
    ]
    for folder in (path for stage in stages for path in sorted(stage.iterdir())):
        if folder.name not in {ALL, *clients}:
            hint = did_you_mean(folder.name, [ALL, *clients], "remove it")
            found.append(ConfigurationError(f"'{folder.name}' is no client", where=str(folder), hint=hint))
    return found


def _of(layer: Layer) -> str:
    return {"industry": "an industry", "stage": "a stage"}[layer.kind]
