"""Opens the engine of a client, once a process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry
from workbench.clients.engines import BigqueryEngine, DuckdbEngine, PostgresEngine
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.clients.engines import Engine, RemoteEngine
    from workbench.engines.warehouse import Warehouse

__all__ = ["close_all", "namespace_of", "open_warehouse", "owner_of_backend", "warehouse_of"]

_open: dict[tuple[Path, str, str], Warehouse] = {}


def warehouse_of(project: Path, client: str) -> Warehouse | None:
    """The engine of a client; None if it is DuckDB, which is embedded and keeps its tables in files.

    Raises:
        ConfigurationError: another client's tables lie in the namespace, or the login is refused.
        SecretError: the secret cannot be read.
        Unreachable: the engine does not answer.
    """
    settings = ClientRegistry(project).load(client).engine
    return None if isinstance(settings, DuckdbEngine) else open_warehouse(project, client, settings)


def open_warehouse(project: Path, client: str, settings: RemoteEngine) -> Warehouse:
    """An engine with settings that client.yml may not have yet; the same again for the same settings."""
    key = (project.resolve(), client, settings.model_dump_json())
    if key not in _open:
        _open[key] = _opened(project, client, settings)
    return _open[key]


def close_all() -> None:
    """End all connections; who asks again gets new ones."""
    while _open:
        _open.popitem()[1].close()


def owner_of_backend(backend: Any) -> Warehouse | None:
    """The open engine that an expression's backend belongs to."""
    return next((one for one in _open.values() if one.backend is backend), None)


def namespace_of(project: Path, client: str, settings: RemoteEngine) -> str:
    """Where the client's tables lie; no other client's do.

    Raises:
        ConfigurationError: another client of this project has the same.
    """
    name = settings.namespace or client
    if settings.namespace in {None, client}:
        return name
    registry = ClientRegistry(project)
    for other in registry.ids():
        if other != client and _place(other, registry.load(other).engine) == (settings.location, name.lower()):
            raise _shared(client, name, other)
        if other == name.lower():
            raise _shared(client, name, other)
    return name


def _place(client: str, settings: Engine) -> tuple[str, str]:
    namespace = None if isinstance(settings, DuckdbEngine) else settings.namespace
    return settings.location, (namespace or client).lower()


def _shared(client: str, name: str, other: str) -> ConfigurationError:
    return ConfigurationError(
        f"engine.namespace '{name}' is client {other}'s",
        where=f"client {client}, client.yml",
        hint=f"take another one, or none: then it is '{client}'",
    )


def _opened(project: Path, client: str, settings: RemoteEngine) -> Warehouse:
    namespace = namespace_of(project, client, settings)
    if isinstance(settings, PostgresEngine):
        from workbench.engines.postgres import PostgresWarehouse

        return PostgresWarehouse(client, settings, namespace, _secret(project, client, settings.password))
    if isinstance(settings, BigqueryEngine):
        from workbench.engines.bigquery import BigqueryWarehouse

        return BigqueryWarehouse(client, settings, namespace, _secret(project, client, settings.credentials))
    from workbench.engines.spark import SparkWarehouse

    return SparkWarehouse(client, settings, namespace, _secret(project, client, settings.token))


def _secret(project: Path, client: str, name: str | None) -> str | None:
    if name is None:
        return None
    from workbench.secrets import secrets_of

    return secrets_of(project, client)[name]
