"""One client's secrets, as a mapping that shows nothing and holds nothing."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from workbench.clients import ClientRegistry
from workbench.clients.variables import owner_of
from workbench.errors import ConfigurationError, SecretMissing
from workbench.secrets.config import EnvironmentSecrets, FileSecrets, VaultSecrets, load
from workbench.secrets.environment import EnvironmentPlace
from workbench.secrets.place import Check, Login, Place, checked_name
from workbench.secrets.redaction.known import remember

__all__ = ["ClientSecrets", "close_secrets", "secrets_of"]


class ClientSecrets(Mapping[str, str]):
    """Names to values of one client; a value is fetched each time that it is asked for, and never shown.

    A name may be written as ``SMTP_PASSWORD`` or, as the variable would be called, ``SKYWAYS__SMTP_PASSWORD``.
    What was fetched is known to :mod:`workbench.secrets.redaction` from then on.

    Args:
        client: whose.
        place: where they are kept.
        clients: all registered clients.
    """

    def __init__(self, client: str, place: Place, clients: tuple[str, ...]) -> None:
        self.client, self._place, self._clients = client, place, clients

    def __getitem__(self, name: str) -> str:
        own = self._own(name)
        value = self._place.fetch(own)
        if value is None:
            raise SecretMissing(
                f"there is no secret {own}",
                where=f"client {self.client}",
                tried=self._place.where(own),
                hint=self._place.hint(own),
            )
        remember(f"client {self.client}'s {own}", value)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._place.names())

    def __len__(self) -> int:
        return len(self._place.names())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._own(name) in self._place.names()

    def __repr__(self) -> str:
        return f"ClientSecrets(client {self.client}, hidden)"

    # Two mappings are compared by their values otherwise, which would fetch all of them.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are neither copied nor pickled; call secrets_of where they are needed")

    def login(self, database: str, refused: Login | None = None) -> Login:
        """User and password of a database, which belong together; ask again for every new connection.

        Args:
            database: its name, such as WAREHOUSE.
            refused: a login that the database did not take. Where logins are made by Vault, one that was revoked is
                replaced then; elsewhere the same comes again.

        Raises:
            ConfigurationError: no such database is known of.
            SecretError: it was refused.
            Unreachable: it may be had later.
        """
        login = self._place.login(checked_name(database), refused)
        remember(f"client {self.client}'s user of {database}", login.username)
        remember(f"client {self.client}'s password of {database}", login.password)
        return login

    def where(self, name: str = "") -> str:
        """What a person calls the place, or the spot in it where a secret is."""
        return self._place.where(self._own(name) if name else "")

    def put(self, name: str, value: str) -> None:
        """Keep a value, in the place of an older one."""
        remember(f"client {self.client}'s {name}", value)
        self._place.put(self._own(name), value)

    def remove(self, name: str) -> bool:
        """Forget a secret; false if there was none."""
        return self._place.remove(self._own(name))

    def check(self) -> list[Check]:
        """Whether the place answers; raises nothing."""
        return self._place.check()

    def rotate_key(self) -> None:
        """Encrypt them with a new key, where that is what keeps them."""
        rotate = getattr(self._place, "rotate_key", None)
        if rotate is None:
            raise ConfigurationError(
                "there is no key to rotate here", where=f"client {self.client}, {self._place.where()}"
            )
        rotate()

    def close(self) -> None:
        """Give back what was lent: leases and the token that was got by logging in."""
        self._place.close()

    def _own(self, name: str) -> str:
        owner = owner_of(name, self._clients)
        if owner not in {None, self.client}:
            raise ConfigurationError(f"secret {name} belongs to another client", where=f"client {self.client}")
        return checked_name(name.removeprefix(f"{self.client.upper()}__") if owner else name)


_open: dict[tuple[int, Path, str], tuple[object, ClientSecrets]] = {}


def secrets_of(project: Path, client: str) -> ClientSecrets:
    """The secrets of one client; nothing is fetched before it is asked for.

    Within a process, a client's place is opened once: who asks again gets the same login and the same leases. A child
    that was forked opens its own.

    Args:
        project: the project's folder.
        client: a registered client.

    Raises:
        UnknownClient: the client is not in the registry.
        ConfigurationError: its ``secrets.yml`` is wrong.
    """
    registry = ClientRegistry(project)
    config = load(registry, client)
    clients = tuple(registry.ids())
    key = (os.getpid(), project.resolve(), client)
    known = _open.get(key)
    if known is not None and known[0] == (config, clients):
        return known[1]
    if known is not None:
        known[1].close()
    secrets = ClientSecrets(client, _place(project, client, clients, config), clients)
    _open[key] = ((config, clients), secrets)
    for variable, value in os.environ.items():
        if owner_of(variable, clients) == client:
            remember(f"environment variable {variable}", value)
    return secrets


def close_secrets() -> None:
    """Give back whatever this process was lent; it may ask anew afterwards."""
    for key in [key for key in _open if key[0] == os.getpid()]:
        _open.pop(key)[1].close()


atexit.register(close_secrets)


def _place(
    project: Path, client: str, clients: tuple[str, ...], config: EnvironmentSecrets | FileSecrets | VaultSecrets
) -> Place:
    if isinstance(config, FileSecrets):
        from workbench.secrets.file import FilePlace

        return FilePlace(project, client, config)
    if isinstance(config, VaultSecrets):
        from workbench.secrets.vault.place import VaultPlace

        return VaultPlace(client, config, os.environ)
    return EnvironmentPlace(client, clients, os.environ)
