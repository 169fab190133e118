"""Kedro's configuration loader, for one client.

The environment is checked against the registry before a file is opened, and the client's id is handed to every layer
as ``${globals:client}``; no file says it twice, so no client's paths can be another's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from workbench.clients import ClientRegistry, client_of_env
from workbench.clients.yaml_files import read_yaml
from workbench.errors import ConfigurationError

__all__ = ["NO_CLIENT", "ClientConfigLoader"]

NO_CLIENT = "no_client"
"""Stands for the client in ``base``, where only commands that look (``kedro catalog``, ``kedro viz``) work."""


class ClientConfigLoader(OmegaConfigLoader):
    """An ``OmegaConfigLoader`` that knows no environment but ``base`` and registered clients.

    Raises:
        UnknownClient: the environment is not a registered client, or its folder holds no ``client.yml``.
        ConfigurationError: the client's configuration is not what a client may have.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, **arguments: Any) -> None:
        self.client = client_of_env(env)
        if self.client is not None:
            folder = ClientRegistry(Path(conf_source).parent).folder(self.client)
            _refuse_what_a_client_may_not_have(folder)
        super().__init__(conf_source, env=env, **arguments)
        self["globals"] = {**self["globals"], "client": self.client or NO_CLIENT}


def _refuse_what_a_client_may_not_have(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ConfigurationError("a client's folder may hold no symbolic link", where=str(path))
        if path.name.startswith("credentials"):
            raise ConfigurationError("no secret lies in conf/", where=str(path), hint="move it to the environment")
        if path.suffix in {".yml", ".yaml"}:
            # Bounded size, depth and no aliases: OmegaConf would take an alias bomb at its word.
            file = read_yaml(path)
            if path.name.startswith("catalog"):
                for name, entry in file.data.items():
                    if isinstance(entry, dict) and "type" in entry:
                        raise ConfigurationError(
                            f"dataset '{name}' names a class; a client's catalog may change settings only",
                            where=f"{path}:{file.line((name, 'type'))}",
                            hint="put the dataset into conf/base/catalog.yml",
                        )
