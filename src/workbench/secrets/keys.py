"""The keys of a client's encrypted file: in the system's keyring, or in a file that only its owner can read.

A client has keys of its own, so that whoever is given one client's can read no other's. They are kept as one text, the
newest first, because a file that was encrypted before a rotation has to be read after it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from workbench.errors import ConfigurationError, SecretError
from workbench.files import durable_file

__all__ = ["KeyFile", "Keyring", "Keys", "keys_of"]

SERVICE = "smithright-workbench"


class Keys(Protocol):
    """Where the keys of one encrypted file are kept."""

    def where(self) -> str:
        """What a person calls the place."""
        ...

    def read(self) -> list[str]:
        """The keys, the newest first; empty if there are none yet."""
        ...

    def write(self, keys: list[str]) -> None:
        """Keep these, and forget others."""
        ...


class Keyring:
    """The keyring of the operating system: Keychain, Secret Service, Credential Locker.

    Args:
        name: of the entry.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @staticmethod
    def is_there() -> bool:
        """Whether this machine has one; `keyring` finds a stand-in that only fails where there is none."""
        import keyring

        backend = keyring.get_keyring()
        return backend.priority >= 1 if isinstance(backend.priority, int | float) else False

    def where(self) -> str:
        """The entry."""
        return f"keyring, {SERVICE}/{self._name}"

    def read(self) -> list[str]:
        """See :class:`Keys`."""
        import keyring
        from keyring.errors import KeyringError

        try:
            return (keyring.get_password(SERVICE, self._name) or "").split()
        except KeyringError as error:
            raise self._failed(error) from None

    def write(self, keys: list[str]) -> None:
        """See :class:`Keys`."""
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(SERVICE, self._name, " ".join(keys))
        except KeyringError as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> SecretError:
        return SecretError(
            f"the keyring does not answer ({type(error).__name__})",
            where=self.where(),
            hint="unlock it, or write `key: file` into secrets.yml",
        )


class KeyFile:
    """A file of mode 0600, outside of the project, so that no backup or image of the project has both halves.

    Args:
        path: the file.
        project: the project's folder.

    Raises:
        ConfigurationError: the file would lie in the project.
    """

    def __init__(self, path: Path, project: Path) -> None:
        self._path = path
        if path.resolve().is_relative_to(project.resolve()):
            raise ConfigurationError(
                "the key would lie in the project, beside what it encrypts",
                where=str(path),
                hint="name another folder in `keys` of secrets.yml",
            )

    def where(self) -> str:
        """The file."""
        return str(self._path)

    def read(self) -> list[str]:
        """See :class:`Keys`; refused if others could have read or written it."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SecretError(f"the key cannot be read ({error.strerror})", where=str(self._path)) from None
        with os.fdopen(descriptor, encoding="ascii", errors="replace") as stream:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
                raise SecretError(
                    "the key can be read by others than you",
                    where=str(self._path),
                    hint=f"`chmod 600 {self._path}`, and `kedro client secret rotate` if somebody may have seen it",
                )
            return stream.read().split()

    def write(self, keys: list[str]) -> None:
        """See :class:`Keys`."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._path, "\n".join(keys) + "\n")


def keys_of(name: str, project: Path, kind: Literal["auto", "keyring", "file"], folder: Path) -> Keys:
    """Where the keys of a name are kept.

    Args:
        name: of one client of one project.
        project: the project's folder.
        kind: as in secrets.yml.
        folder: of key files.
    """
    file = folder / f"{name}.key"
    if kind == "keyring" or (kind == "auto" and not file.exists() and Keyring.is_there()):
        return Keyring(name)
    return KeyFile(file, project)


def write_private(destination: Path, text: str) -> None:
    """Write a file durably that nobody but its owner can read, from its first byte on."""
    with durable_file(destination) as path:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):
            os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
