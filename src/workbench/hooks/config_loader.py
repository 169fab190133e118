"""Kedro's configuration loader, for one client, in all of its layers.

The environment is checked against the registry before a file is opened, and the client's id is handed to every layer
as ``${globals:client}``; no file says it twice, so no client's paths can be another's.

Kedro merges two folders, ``base`` and the environment's. Those of :mod:`workbench.clients.layers` come in between and
on top; each resolves its own ``${…}`` before the merge, as Kedro's two do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from omegaconf.errors import OmegaConfBaseException

from workbench.clients import ClientRegistry, client_of_env
from workbench.clients.layers import Layer
from workbench.clients.overrides import check_catalog, check_parameters, files_of, refuse_unset
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError
from workbench.hooks.base_layer import BaseLayerKept

__all__ = ["NO_CLIENT", "ClientConfigLoader"]

NO_CLIENT = "no_client"
"""Stands for the client in ``base``, where only commands that look (``kedro catalog``, ``kedro viz``) work."""

_LAYERED = ("parameters", "catalog")
_ROOTS = ("data", "models")


class ClientConfigLoader(BaseLayerKept):
    """An ``OmegaConfigLoader`` that knows no environment but ``base`` and registered clients.

    Raises:
        UnknownClient: the environment is not a registered client, or its folder holds no ``client.yml``.
        ConfigurationError: a layer is not what it may be.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, **arguments: Any) -> None:
        self.client = client_of_env(env)
        self._layers: tuple[Layer, ...] = ()
        self._files: dict[Path, YamlFile] = {}
        if self.client is not None:
            self._read_layers(ClientRegistry(Path(conf_source).parent), self.client)
        super().__init__(conf_source, env=env, **arguments)
        self["globals"] = {**self["globals"], "client": self.client or NO_CLIENT}

    def _read_layers(self, registry: ClientRegistry, client: str) -> None:
        """Look at every file of every layer before Kedro does."""
        folder = registry.folder(client)
        self._files = files_of(Layer("client", folder))
        self._layers = registry.layers(client, self._files[folder / "client.yml"])
        for layer in self._layers:
            if layer.kind != "client":
                self._files |= files_of(layer)
        check_parameters(registry.project, self._of("parameters"), client)
        check_catalog(registry.project, self._of("catalog"), client)

    def _of(self, kind: str) -> list[YamlFile]:
        return [file for path, file in self._files.items() if path.name.startswith(kind)]

    def _merge_configs(self, config: dict[str, Any], env_config: dict[str, Any], key: str, env_path: str) -> Any:
        """Base and environment, with the other layers where they belong.

        Kedro 1.7 calls this once a kind of configuration, with both resolved; a test holds the order.
        """
        if self.client is None or key not in _LAYERED:
            return super()._merge_configs(config, env_config, key, env_path)
        merged = config
        for layer in self._layers:
            own = env_config if layer.kind == "client" else self._resolved(layer, key)
            if key == "catalog":
                _refuse_other_places(own, self.client, layer)
            merged = super()._merge_configs(merged, own, key, str(layer.folder))
        if key == "parameters":
            refuse_unset(merged, self._parameter_files, self.client)
        return merged

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration of a kind, merged; what OmegaConf cannot resolve is an error of this client's.

        ``${oc.env:…}`` is one of those: no file reads the environment.
        """
        try:
            return super().__getitem__(key)
        except OmegaConfBaseException as error:
            raise ConfigurationError(
                f"{key} cannot be resolved: {str(error).splitlines()[0]}", where=f"client {self.client or NO_CLIENT}"
            ) from error

    def _parameter_files(self) -> list[YamlFile]:
        base = Layer("base", Path(self.conf_source) / str(self.base_env))
        return [*map(read_yaml, base.files("parameters")), *self._of("parameters")]

    def _resolved(self, layer: Layer, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.load_and_merge_dir_config(
            str(layer.folder), self.config_patterns[key], key, set(), read_environment_variables=False
        )
        return found


def _refuse_other_places(catalog: Mapping[str, Any], client: str, layer: Layer) -> None:
    """Where a layer lets a dataset lie elsewhere, it is still below the client's own folders."""
    for name, entry in catalog.items():
        if isinstance(entry, Mapping) and "filepath" in entry:
            path = PurePosixPath(str(entry["filepath"]))
            if path.parts[:2] not in {(root, client) for root in _ROOTS} or ".." in path.parts:
                raise ConfigurationError(
                    f"dataset '{name}' would lie at '{str(path)[:100]}', not below data/{client} or models/{client}",
                    where=f"client {client}, {layer.folder}",
                    hint="write data/${globals:client}/…",
                )
