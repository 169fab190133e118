"""The schedules of the fleet, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.clients import Client, ClientRegistry
from workbench.clients.schedule import Schedule
from workbench.schedules.cron import Cron

__all__ = ["Entry", "entries"]


@dataclass(frozen=True)
class Entry:
    """One schedule of one client."""

    client: Client
    name: str
    schedule: Schedule

    @property
    def cron(self) -> Cron:
        """Its slots."""
        return Cron(self.schedule.cron, self.schedule.timezone)


def entries(registry: ClientRegistry, clients: Sequence[str]) -> list[Entry]:
    """The schedules of these clients, in the order of clients and names.

    Raises:
        UnknownClient: one of them is not registered.
        ConfigurationError: a ``client.yml`` is wrong.
    """
    loaded = [registry.load(client) for client in clients]
    return [Entry(client, name, client.schedule[name]) for client in loaded for name in sorted(client.schedule)]
