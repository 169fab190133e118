"""Secrets in the environment: the variables ``<CLIENT>__NAME``, which no other client's process has."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workbench.clients.variables import owner_of
from workbench.errors import ConfigurationError
from workbench.secrets.place import Check, Login

__all__ = ["OPERATORS", "EnvironmentPlace"]

OPERATORS = ("VAULT_", "WORKBENCH_")
"""What begins so opens a place of secrets or steers this program, and is handed to nobody as a secret."""


class EnvironmentPlace:
    """The variables of one client, and those that belong to no client and so are everybody's.

    Args:
        client: whose.
        clients: all registered clients, which decide whose a variable is.
        environ: where to look.
    """

    def __init__(self, client: str, clients: Collection[str], environ: Mapping[str, str]) -> None:
        self._client, self._clients, self._environ = client, clients, environ

    def where(self, name: str = "") -> str:
        """The variable."""
        return f"environment variable {self._variable(name)}" if name else "environment"

    def fetch(self, name: str) -> str | None:
        """The client's own variable; without it, one of that name which is everybody's."""
        if name.startswith(OPERATORS):
            return None
        own = self._variable(name)
        found = self._environ.get(own) if owner_of(own, self._clients) == self._client else None
        if not found and owner_of(name, self._clients) is None:
            found = self._environ.get(name)
        return found or None

    def names(self) -> list[str]:
        """The client's own."""
        start = len(self._variable(""))
        own = (name[start:] for name in self._environ if owner_of(name, self._clients) == self._client)
        return sorted(name for name in own if name and not name.startswith(OPERATORS))

    def put(self, name: str, value: str) -> None:
        """Refused: a command cannot change the environment of the next one."""
        raise self._unchangeable(name)

    def remove(self, name: str) -> bool:
        """Refused as well."""
        raise self._unchangeable(name)

    def login(self, database: str, refused: Login | None = None) -> Login:
        """The variables ``<CLIENT>__<DATABASE>_USERNAME`` and ``…_PASSWORD``."""
        names = f"{database}_USERNAME", f"{database}_PASSWORD"
        username, password = (self.fetch(name) for name in names)
        if not username or not password:
            raise ConfigurationError(
                f"there is no login for database {database}",
                where=f"client {self._client}",
                tried=", ".join(self._variable(name) for name in names),
                hint="set both variables",
            )
        return Login(username, password)

    def check(self) -> list[Check]:
        """How many there are."""
        names = self.names()
        return [Check("environment", ok=True, message=f"{len(names)} variables begin with {self._variable('')}")]

    def hint(self, name: str) -> str:
        """The variable to set."""
        return f"set {self._variable(name)} for the process that needs it"

    def close(self) -> None:
        """Nothing was lent."""

    def _variable(self, name: str) -> str:
        return f"{self._client.upper()}__{name}"

    def _unchangeable(self, name: str) -> ConfigurationError:
        return ConfigurationError(
            "secrets are taken from the environment, which a command cannot change",
            where=f"client {self._client}, secrets.yml",
            hint=f"{self.hint(name)}, or choose `kind: file` or `kind: vault` in secrets.yml",
        )
