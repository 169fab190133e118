"""What a place where secrets are kept can do, and how a secret is called."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Protocol

from workbench.errors import ConfigurationError

__all__ = ["NAME", "Check", "Login", "Place", "checked_name"]

NAME = r"^[A-Z][A-Z0-9_]{0,99}$"


@dataclass(frozen=True)
class Check:
    """One thing that was tried of a place.

    Attributes:
        what: "Vault https://vault.example, KV v2 secret/clients/skyways".
        ok: whether it answers.
        message: one sentence, never a value.
    """

    what: str
    ok: bool
    message: str

    def to_dict(self) -> dict[str, str | bool]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Login:
    """A user of a database and the password that goes with it; always of one lease, never of two."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(hidden)"


class Place(Protocol):
    """Where one client's secrets are kept.

    Every method raises :class:`~workbench.errors.SecretError` if the place refuses, and
    :class:`~workbench.errors.Unreachable` if it may answer later. No message holds a value.
    """

    def where(self, name: str = "") -> str:
        """What a person calls the place, or the spot in it where a secret is."""
        ...

    def fetch(self, name: str) -> str | None:
        """A secret's value as it is now, or None."""
        ...

    def names(self) -> list[str]:
        """What there is, sorted; no value is read."""
        ...

    def put(self, name: str, value: str) -> None:
        """Keep a value, in the place of an older one."""
        ...

    def remove(self, name: str) -> bool:
        """Forget a secret; false if there was none."""
        ...

    def login(self, database: str, refused: Login | None = None) -> Login:
        """A user of a database; not ``refused``, which the database did not take, if the place can make another."""
        ...

    def check(self) -> list[Check]:
        """Whether it answers; raises nothing."""
        ...

    def hint(self, name: str) -> str:
        """What to type so that it has the secret."""
        ...

    def close(self) -> None:
        """Give back what was lent."""
        ...


def checked_name(name: str) -> str:
    """A name as it may be; a typing error could be a value, so it is shown to nobody.

    Raises:
        ConfigurationError: it may not.
    """
    if not re.fullmatch(NAME, name):
        raise ConfigurationError(
            "that is no name of a secret", hint="capitals, digits and _, a letter first, such as SMTP_PASSWORD"
        )
    return name
