"""A client whose engine cannot run its recipe is refused before any data is touched.

What ``prepare`` asks of an engine, the pipelines know. They are asked by the name of their package, as Kedro does,
since nothing here may import them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from workbench.clients.engines import DuckdbEngine
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.clients import Client, ClientRegistry
    from workbench.clients.engines import EngineKind

__all__ = ["refusals", "refuse", "refuse_own"]


def refusals(
    registry: ClientRegistry, client: Client, kinds: Iterable[EngineKind], package: str
) -> dict[EngineKind, str]:
    """The engines that cannot run the client's recipe, each with the step, the operation and why.

    Args:
        registry: the clients of the project.
        client: which of them.
        kinds: the engines in question.
        package: the project's package of pipelines; one without ``prepare`` has nothing to say.
    """
    try:
        module = import_module(f"{package}.prepare.portability")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(package):
            return {}
        raise
    found: dict[EngineKind, str] = module.refusals(client, registry.schema(client.id), kinds)
    return found


def refuse(registry: ClientRegistry, client: Client, kind: EngineKind, package: str) -> None:
    """Refuse an engine that cannot run the client's recipe.

    Raises:
        ConfigurationError: it cannot; the message names the step, the operation and the engine.
    """
    reason = refusals(registry, client, [kind], package).get(kind)
    if reason is not None:
        raise unfit(client, kind, reason)


def refuse_own(registry: ClientRegistry, client_id: str, package: str) -> None:
    """Refuse a client whose own engine cannot run its recipe; DuckDB can run all there are.

    Raises:
        ConfigurationError: it cannot.
    """
    client = registry.load(client_id)
    if not isinstance(client.engine, DuckdbEngine):
        refuse(registry, client, client.engine.kind, package)


def unfit(client: Client, kind: EngineKind, reason: str) -> ConfigurationError:
    """The error for it."""
    return ConfigurationError(
        f"engine {kind} cannot run recipe {client.recipe}: {reason}",
        where=f"client {client.id}",
        hint="take another `engine` in client.yml, or write the recipe without that operation",
    )
