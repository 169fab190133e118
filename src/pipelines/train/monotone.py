"""The columns in whose direction a prediction must move, as client.yml names them, among the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.clients import Client
from workbench.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from workbench.learning.monotone import Direction

__all__ = ["monotone_columns"]


def monotone_columns(client: Client, roles: Mapping[str, Any]) -> dict[str, Direction]:
    """Column to direction.

    Raises:
        ConfigurationError: a column is no number among the features.
    """
    for column in client.monotone:
        if column not in roles["numeric"]:
            raise ConfigurationError(
                f"`monotone` names '{column}', which is no number among the features",
                where=f"client {client.id}, client.yml",
                hint=did_you_mean(column, roles["numeric"], "the features are in features.json, under `numeric`"),
            )
    return dict(client.monotone)
