"""What a client's configuration may not ask of OmegaConf: to read the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workbench.clients.yaml_files import YamlFile
from workbench.errors import ConfigurationError

__all__ = ["refuse_environment"]

_ENVIRONMENT = re.compile(r"\$\{\s*oc\s*\.|\$\{[^{}:]*\$\{[^{}]*\}[^{}:]*:")
"""OmegaConf's own resolvers, of which ``oc.env`` is one, and a resolver whose name is itself put together."""


def refuse_environment(file: YamlFile) -> None:
    """Refuse a file with a text that OmegaConf would fill from the environment.

    Raises:
        ConfigurationError: there is one.
    """
    for location, text in _texts(file.data):
        if _ENVIRONMENT.search(text):
            raise ConfigurationError(
                "a client's configuration may not read the environment",
                where=f"{file.path}:{file.line(location)}",
                hint="what is secret comes in as a credential, docs/secrets.md; all else is written out",
            )


def _texts(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text below a value, keys included, and where it stands."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*at, key), str(key)
            yield from _texts(item, (*at, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, (*at, position))
    elif isinstance(value, str):
        yield at, value
