"""Clients: the typed model of each, and the registry of all."""

from __future__ import annotations

from workbench.clients.model import Client
from workbench.clients.registry import ClientRegistry, client_of_env, env_of_client
from workbench.clients.schema import Schema, TableSchema
from workbench.clients.sources import Source

__all__ = ["Client", "ClientRegistry", "Schema", "Source", "TableSchema", "client_of_env", "env_of_client"]
