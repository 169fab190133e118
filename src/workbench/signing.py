"""Ed25519 signatures of what leaves a statement behind: certificates of erasure, archives of a client.

The private key lies outside of the project, readable by its owner alone; it is made when it is first asked for. The
public key is written beside what was signed, under its fingerprint. Whoever verifies takes it from there, or from where
they were given it, and never from inside of the document.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, DataError
from workbench.files import write_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["KEY_VARIABLE", "Signer", "opened", "signer"]

KEY_VARIABLE = "WORKBENCH_SIGNING_KEY"
"""Environment variable with the path of the private key."""


@dataclass(frozen=True)
class Signer:
    """Who signs here.

    Attributes:
        fingerprint: the first 16 hexadecimal digits of the sha256 of the public key.
        public: the public key, as PEM.
    """

    fingerprint: str
    public: str
    _key: Ed25519PrivateKey

    def sealed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record, its signature, and which key made it."""
        signature = base64.b64encode(self._key.sign(_canonical(record))).decode()
        return {"record": dict(record), "key": self.fingerprint, "signature": signature}

    def publish(self, folder: Path) -> Path:
        """Write the public key to a folder, unless it is there."""
        path = folder / f"{self.fingerprint}.pub"
        if not path.exists():
            write_text(path, self.public)
        return path


def signer(project: Path) -> Signer:
    """The signer of this machine's user.

    Raises:
        ConfigurationError: the private key lies inside the project, others may read it, or it is none.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = _key_path()
    if path.resolve().is_relative_to(project.resolve()):
        raise ConfigurationError(
            "the signing key would lie inside the project",
            where=str(path),
            hint=f"name another place in {KEY_VARIABLE}",
        )
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError("others may read the signing key", where=str(path), hint=f"type `chmod 600 {path}`")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise ConfigurationError("is not a private key", where=str(path), hint="move it away") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError("is not an Ed25519 key", where=str(path), hint="move it away")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Signer(_fingerprint(public), public.decode("ascii"), key)


def opened(document: Mapping[str, Any], keys: Path, *, where: str) -> dict[str, Any]:
    """The record of a sealed document, if its signature holds.

    Args:
        document: what :meth:`Signer.sealed` made.
        keys: a public key, or a folder of them.
        where: for the error.

    Raises:
        DataError: the key is not there, or the document is not what was signed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    name, record, signature = document.get("key"), document.get("record"), document.get("signature")
    if not (isinstance(name, str) and name.isalnum() and isinstance(record, dict) and isinstance(signature, str)):
        raise DataError("is not a signed document", where=where)
    path = keys / f"{name}.pub" if keys.is_dir() else keys
    if not path.is_file():
        raise DataError(f"the public key {name} is not there", where=where, tried=str(path), hint="give --key <file>")
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
        holds = isinstance(public, Ed25519PublicKey)
        if isinstance(public, Ed25519PublicKey):
            public.verify(base64.b64decode(signature, validate=True), _canonical(record))
    except (InvalidSignature, ValueError):
        holds = False
    if not holds:
        raise DataError("its signature does not hold: it was changed, or another key signed it", where=where)
    return record


def _key_path() -> Path:
    named = os.environ.get(KEY_VARIABLE)
    base = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else (Path(base) if base else Path.home() / ".config") / "workbench" / "signing_key"


def _make_key(path: Path) -> None:
    """Two processes that begin at once end with one key: the name is given by a link, which never replaces."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = path.with_name(f".{uuid.uuid4().hex}")
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(staging, path)
    finally:
        staging.unlink()


def _fingerprint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
