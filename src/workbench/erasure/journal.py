"""What an erasure has begun and found, on disk until its certificate is written: the next call goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.erasure.places import Amount
from workbench.errors import ConfigurationError
from workbench.files import sweep, write_text
from workbench.fleet.ledger import state_folder

__all__ = ["Journal", "begin", "journal_path", "subject_digest"]

SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""16 MB and some 50 ms for each guess, since a person's key may be one of few (RFC 7914; OWASP's parameters)."""


@dataclass(frozen=True)
class Journal:
    """The beginning of an erasure.

    Attributes:
        kind: ``client`` or ``subject``.
        client: whose.
        by: who asked for it.
        began: ISO 8601, UTC.
        salt: of the digest.
        digest: of the subject's key; None if it is about the whole client.
        found: what there was when it began.
        facts: what else the certificate has to say, and cannot be found out again.
    """

    kind: str
    client: str
    by: str
    began: str
    salt: str
    digest: str | None
    found: tuple[Amount, ...]
    facts: dict[str, Any]

    @property
    def subject(self) -> dict[str, Any] | None:
        """The subject as the certificate names it."""
        return {"scrypt": self.digest, "salt": self.salt, **SCRYPT} if self.digest else None

    def close(self, project: Path) -> None:
        """The erasure is done."""
        journal_path(project, self.client).unlink(missing_ok=True)


def journal_path(project: Path, client: str) -> Path:
    """Where the journal of a client's erasure lies."""
    return state_folder(project) / "erasure" / f"{client}.json"


def subject_digest(value: str, salt: str) -> str:
    """The digest of a subject's key that certificates hold."""
    return hashlib.scrypt(value.encode(), salt=bytes.fromhex(salt), dklen=32, **SCRYPT).hex()


def read(project: Path, client: str) -> Journal | None:
    """The journal of an erasure that was begun and not finished, or None."""
    path = journal_path(project, client)
    if not path.is_file():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    return Journal(**{**known, "found": tuple(Amount(**amount) for amount in known["found"])})


def begin(
    project: Path, kind: str, client: str, *, by: str, subject: str | None, found: list[Amount], facts: dict[str, Any]
) -> Journal:
    """Write down what is begun; or go on with what was.

    Raises:
        ConfigurationError: another erasure of this client was begun and is not finished.
    """
    known = read(project, client)
    if known is not None:
        same = known.digest == (subject_digest(subject, known.salt) if subject is not None else None)
        if known.kind == kind and same:
            return known
        if kind == "subject":
            what = "of the whole client" if known.kind == "client" else "of another subject"
            raise ConfigurationError(
                f"an erasure {what} was begun at {known.began}, and is not finished",
                where=f"client {client}",
                hint="give that command again first",
            )
    salt = os.urandom(16).hex()
    digest = subject_digest(subject, salt) if subject is not None else None
    began = datetime.now(UTC).isoformat(timespec="seconds")
    made = Journal(kind, client, by, began, salt, digest, tuple(found), facts)
    path = journal_path(project, client)
    if path.parent.is_dir():
        sweep(path.parent)
    record = asdict(made) | {"found": [amount.to_dict() for amount in found]}
    write_text(path, json.dumps(record, indent=1) + "\n")
    return made
