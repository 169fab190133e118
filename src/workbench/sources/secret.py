"""A secret of a client's, by its name. The one place from which sources get one."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import ConfigurationError, UnknownClient
from workbench.secrets import secrets_of
from workbench.secrets.redaction import remember

__all__ = ["secret_of"]


def secret_of(project: Path, client: str, name: str) -> str:
    """The value of a client's secret; it goes into no message and no file.

    A client that is being taken on has no place of its own yet: its secret is the variable ``<CLIENT>__<NAME>``.

    Raises:
        ConfigurationError: there is none.
        SecretError: where it is kept it was refused.
        Unreachable: it may be had later.
    """
    try:
        return secrets_of(project, client)[name]
    except UnknownClient:
        variable = f"{client.upper()}__{name}"
        value = os.environ.get(variable)
    if not value:
        raise ConfigurationError(
            f"secret '{name}' is not there",
            where=f"client {client}",
            tried=f"environment variable {variable}",
            hint=f"set {variable}",
        )
    remember(f"environment variable {variable}", value)
    return value
