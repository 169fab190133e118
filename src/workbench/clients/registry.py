"""The registry of clients: the folders under ``conf/clients`` that hold a ``client.yml``.

A client must be in here before anything else is loaded: Kedro accepts ``--env ../../etc``, and takes an empty folder
for "nothing differs from base".
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from workbench.clients.layers import Layer, MergedYaml, current_stage, layers_of
from workbench.clients.model import CLIENT_ID, Client, is_device
from workbench.clients.overrides import check_client_file
from workbench.clients.schema import Schema
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError, UnknownClient, did_you_mean

__all__ = ["ClientRegistry", "client_of_env", "env_of_client"]

_PREFIX = "clients/"
_M = TypeVar("_M", bound=BaseModel)


def env_of_client(client_id: str) -> str:
    """The Kedro environment of a client: ``clients/<client>``."""
    return f"{_PREFIX}{client_id}"


def client_of_env(env: str | None) -> str | None:
    """The client that a Kedro environment names, or None for ``base`` and for no environment at all.

    Raises:
        UnknownClient: the environment is neither ``base`` nor ``clients/<slug>``.
    """
    if not env or env == "base":
        return None
    client_id = env.removeprefix(_PREFIX)
    if not env.startswith(_PREFIX) or not re.fullmatch(CLIENT_ID, client_id):
        raise UnknownClient(
            f"environment {env!r} is not a client", hint="give `--env clients/<client>`; `kedro client list` names them"
        )
    return client_id


class ClientRegistry:
    """The clients of one project.

    Args:
        project: the folder that holds ``conf/``.
        stage: whose layers count; without it, the stage of this process.
    """

    def __init__(self, project: Path, stage: str | None = None) -> None:
        self.project, self._stage = project, stage
        self.root = project / "conf" / "clients"

    @property
    def stage(self) -> str | None:
        """The stage whose layers count; None without one."""
        return self._stage or current_stage()

    def ids(self) -> list[str]:
        """All client ids, sorted. A folder without a ``client.yml`` is not a client."""
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:
            return sorted(
                entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and self._is_client(entry.name)
            )

    def _is_client(self, name: str) -> bool:
        folder = self.root / name
        return (
            re.fullmatch(CLIENT_ID, name) is not None
            and not is_device(name)
            and not folder.is_symlink()
            and (folder / "client.yml").is_file()
        )

    def folder(self, client_id: str) -> Path:
        """The configuration folder of a registered client.

        Raises:
            UnknownClient: not a slug, no such folder, a symbolic link, or a folder without a ``client.yml``.
        """
        if self._is_client(client_id):  # not `ids`: that looks at each client there is
            return self.root / client_id
        shown = client_id if len(client_id) <= 40 else client_id[:40] + "…"
        if not re.fullmatch(CLIENT_ID, client_id):
            raise UnknownClient(
                f"{shown!r} is not a client id: two to forty of a-z, 0-9 and _, a letter first",
                hint="run `kedro client list`",
            )
        if is_device(client_id):
            raise UnknownClient(f"'{shown}' is the name of a device on Windows", hint="take another id")
        folder = self.root / client_id
        if folder.is_symlink():
            raise UnknownClient(f"client '{shown}' is a symbolic link", where=str(folder), hint="make it a real folder")
        if folder.is_dir():
            raise UnknownClient(
                f"client '{shown}' has no client.yml", where=str(folder), hint="write it, or remove the folder"
            )
        raise UnknownClient(
            f"client '{shown}' is not in the registry",
            tried=f"the folders in {self.root}",
            hint=did_you_mean(client_id, self.ids(), "run `kedro client list`"),
        )

    def load(self, client_id: str) -> Client:
        """Read and check one client.

        Raises:
            UnknownClient: it is not registered.
            ConfigurationError: its ``client.yml`` is wrong; the message names file, line and key.
        """
        file = self._merged(client_id, read_yaml(self.folder(client_id) / "client.yml"))
        client = parse(Client, file, where=f"client {client_id}")
        if client.id != client_id:
            raise ConfigurationError(
                f"id is '{client.id}' but the folder is '{client_id}'",
                where=file.place(("id",)),
                hint=f"write `id: {client_id}`",
            )
        return client

    def layers(self, client_id: str, own: YamlFile | None = None) -> tuple[Layer, ...]:
        """The layers of a client above base, from the lowest to the highest; ``own`` is its client.yml, if read.

        Raises:
            UnknownClient: it is not registered.
            ConfigurationError: its industry, or the stage, does not exist.
        """
        own = own or read_yaml(self.folder(client_id) / "client.yml")
        return layers_of(self.project, client_id, own.data.get("industry"), self.stage, own.place(("industry",)))

    def _merged(self, client_id: str, own: YamlFile) -> YamlFile:
        """client.yml with what the layers below and above say of it; itself, if they say nothing."""
        files = []
        for layer in self.layers(client_id, own):
            if layer.kind == "client":
                files.append(own)
            elif (layer.folder / "client.yml").exists():
                files.append(read_yaml(layer.folder / "client.yml"))
                check_client_file(layer, files[-1])
        return MergedYaml(files, own) if len(files) > 1 else own

    def schema(self, client_id: str) -> Schema | None:
        """The schema of a client's raw tables, or None if it has no ``schema.yml``.

        Raises:
            ConfigurationError: the file is wrong, or names a table that is not among the client's sources.
        """
        path = self.folder(client_id) / "schema.yml"
        if not path.exists():
            return None
        file = read_yaml(path)
        schema = parse(Schema, file, where=f"client {client_id}")
        sources = self.load(client_id).sources
        for table in schema.tables:
            if table not in sources:
                raise ConfigurationError(
                    f"table '{table}' has a schema but no source",
                    where=f"{path}:{file.line(('tables', table))}",
                    hint=did_you_mean(table, sources, "name it under `sources` in client.yml"),
                )
        return schema


def parse(model: type[_M], file: YamlFile, *, where: str) -> _M:
    """Turn a YAML file into a model; the first problem becomes one sentence with file, line and key."""
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        raise _explained(error, model, file, where) from None


def _explained(error: ValidationError, model: type[BaseModel], file: YamlFile, where: str) -> ConfigurationError:
    # A misspelt key is two problems, one unknown and one missing; the unknown one tells more.
    problems = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    location = tuple(first["loc"])
    # A discriminated union puts its tag into the location; the file has no such key.
    while location and file.place(location) == file.place(location[:-1]) and len(location) > 2:
        location = location[:-1]
    name = ".".join(str(part) for part in first["loc"]) or model.__name__.lower()
    message = first["msg"].removeprefix("Value error, ")
    hint = ""
    if first["type"] == "extra_forbidden":
        message = f"unknown key '{first['loc'][-1]}'"
        parent = first["loc"][:-1]
        missing = [str(p["loc"][-1]) for p in problems if p["type"] == "missing" and p["loc"][:-1] == parent]
        hint = did_you_mean(str(first["loc"][-1]), [*missing, *_keys(model, parent)], "remove it")
        name = ".".join(str(part) for part in first["loc"][:-1]) or "top level"
    elif first["type"] == "missing":
        message, hint = "this key is missing", f"add `{first['loc'][-1]}:`"
    more = error.error_count() - 1
    if more:
        hint = f"{hint or 'correct it'} (and {more} more after it)"
    return ConfigurationError(f"{name}: {message}", where=f"{where}, {file.place(location)}", hint=hint)


def _keys(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at a location, as far as plain nesting tells."""
    for part in location:
        field = model.model_fields.get(str(part))
        nested = field.annotation if field else None
        if not (isinstance(nested, type) and issubclass(nested, BaseModel)):
            return []
        model = nested
    return list(model.model_fields)
