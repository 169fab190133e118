"""Secrets in an encrypted file on this machine, one a client; for development.

The whole of it is one Fernet token (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec), names included: who
finds the file learns how long it is. The client's name is inside, so that one client's file does not pass for
another's.
"""

from __future__ import annotations

import fcntl
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import SecretError, WorkbenchError
from workbench.secrets.config import FileSecrets, from_project
from workbench.secrets.environment import EnvironmentPlace
from workbench.secrets.keys import Keys, keys_of, write_private
from workbench.secrets.place import Check, Login

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

__all__ = ["FilePlace"]


class FilePlace:
    """One client's encrypted file; it is read each time that a secret is asked for, and never written in plain.

    Args:
        project: the project's folder.
        client: whose.
        config: of ``secrets.yml``.
    """

    def __init__(self, project: Path, client: str, config: FileSecrets) -> None:
        self._project, self._client, self._config = project, client, config
        self._path = from_project(project, config.folder) / f"{client}.secrets"

    def where(self, name: str = "") -> str:
        """The file."""
        return f"{self._path}, {name}" if name else str(self._path)

    def fetch(self, name: str) -> str | None:
        """Decrypt it, and take one."""
        return self._read().get(name)

    def names(self) -> list[str]:
        """Decrypt it, and take their names."""
        return sorted(self._read())

    def put(self, name: str, value: str) -> None:
        """Encrypt it anew; two who do so at once wait for each other."""
        with self._alone():
            self._write({**self._read(), name: value})

    def remove(self, name: str) -> bool:
        """Encrypt what is left."""
        with self._alone():
            secrets = self._read()
            if name not in secrets:
                return False
            del secrets[name]
            self._write(secrets)
            return True

    def login(self, database: str, refused: Login | None = None) -> Login:
        """The secrets ``<DATABASE>_USERNAME`` and ``…_PASSWORD``."""
        secrets = self._read()
        own = {f"{self._client.upper()}__{name}": value for name, value in secrets.items()}
        return EnvironmentPlace(self._client, [self._client], own).login(database)

    def check(self) -> list[Check]:
        """Whether there is a key, and whether it fits."""
        try:
            names = len(self._read())
            message = f"{names} names; key in {self._keys(self._name()).where()}" if names else "nothing in it yet"
            return [Check(self.where(), ok=True, message=message)]
        except WorkbenchError as error:
            return [Check(self.where(), ok=False, message=str(error))]

    def hint(self, name: str) -> str:
        """The command that writes it."""
        return f"`kedro client secret set {self._client} {name}`"

    def close(self) -> None:
        """Nothing was lent."""

    def rotate_key(self) -> None:
        """Encrypt it with a new key, and forget the old ones.

        In three steps, each of which leaves a file that can be read: the new key is kept beside the old ones, then the
        file is written with it, then the old ones are forgotten. A rotation that was broken off is begun again.
        """
        from cryptography.fernet import Fernet

        with self._alone():
            secrets, keys = self._read(), self._keys(self._name())
            new = Fernet.generate_key().decode()
            keys.write([new, *keys.read()])
            self._write(secrets)
            keys.write([new])

    def _read(self) -> dict[str, str]:
        from cryptography.fernet import InvalidToken

        try:
            token = self._path.read_bytes().partition(b"\n")[2].strip()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SecretError(f"cannot be read ({error.strerror})", where=self.where()) from None
        keys = self._keys(self._name())
        try:
            content = json.loads(_fernet(keys, self.where()).decrypt(token))
        except InvalidToken:
            raise SecretError(
                "the key does not fit, or the file was changed",
                where=self.where(),
                tried=keys.where(),
                hint="bring the key back, or remove the file and set the secrets again",
            ) from None
        if content["client"] != self._client:
            raise self._anothers()
        secrets: dict[str, str] = content["secrets"]
        return secrets

    def _write(self, secrets: dict[str, str]) -> None:
        from cryptography.fernet import Fernet

        name = self._name()
        keys = self._keys(name)
        if not keys.read():
            keys.write([Fernet.generate_key().decode()])
        content = json.dumps({"client": self._client, "secrets": secrets}).encode()
        write_private(self._path, f"{name}\n{_fernet(keys, self.where()).encrypt(content).decode()}\n")

    def _name(self) -> str:
        """What the file's keys are called: its first line, or a new name if there is no file.

        Not after the project's folder, which may move; nor after the client alone, whose file on this machine may lie
        in several projects.
        """
        try:
            with self._path.open(encoding="ascii", errors="replace") as stream:
                name = stream.readline(200).strip()
        except FileNotFoundError:
            return f"{self._client}-{uuid.uuid4().hex[:12]}"
        # It becomes part of a path: nothing but a name may stand here.
        if not re.fullmatch(rf"{self._client}-[0-9a-f]{{12}}", name):
            raise self._anothers()
        return name

    def _keys(self, name: str) -> Keys:
        return keys_of(name, self._project, self._config.key, Path(self._config.keys).expanduser())

    def _anothers(self) -> SecretError:
        return SecretError("this is not the client's file", where=f"client {self._client}, {self.where()}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _fernet(keys: Keys, where: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        known = [Fernet(key) for key in keys.read()]
    except ValueError:
        raise SecretError("what is kept as the key is none", where=keys.where()) from None
    if not known:
        raise SecretError(
            "there is no key", where=where, tried=keys.where(), hint="bring back the key that it was written with"
        )
    return MultiFernet(known)
