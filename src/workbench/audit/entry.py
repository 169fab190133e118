"""One record, and how it is one line of text.

A record's own sha256 is over all of it but ``facts`` and ``salt``; in their place it covers ``facts_sha256``, which is
over the two. So the facts of a client that is erased can be taken out, and the chain still holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["GENESIS", "Entry", "Fact", "Mark", "decode", "encode", "new", "sha256_of"]

Fact = str | int | float | bool | None

GENESIS = "0" * 64
"""Stands for the sha256 of the record before the first one."""

_LONGEST = 300
"""Characters of a fact; a log is no place for texts."""


@dataclass(frozen=True)
class Mark:
    """A place in the log, or bytes of it, with their digest.

    Attributes:
        count: of records up to the place; of bytes, where bytes are meant.
        sha256: of the last of those records; of the bytes.
    """

    count: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One record.

    Attributes:
        seq: counts up from 1; the order of the records, whatever the clocks said.
        at: UTC, ISO 8601.
        user: ``user@host``.
        pid: of the process.
        command: its name, without arguments.
        action: what was done: ``run.begun``, ``client.added``.
        client: to whom; None if to no client, or to all.
        facts: what else there is to know; None once they were erased.
        salt: so that erased facts cannot be guessed from their digest.
        facts_sha256: of salt and facts.
        before: sha256 of the record before.
        torn: bytes between the record before and this one, left by a writer that was killed.
        witness: what the head said of the log when this was written, if it did not agree with it.
    """

    seq: int
    at: str
    user: str
    pid: int
    command: str
    action: str
    client: str | None
    facts: dict[str, Fact] | None
    salt: str | None
    facts_sha256: str
    before: str
    torn: Mark | None = None
    witness: Mark | None = None

    def without_facts(self) -> Entry:
        """The same record, its facts erased."""
        return replace(self, facts=None, salt=None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def new(last: Mark, action: str, client: str | None, facts: Mapping[str, Fact]) -> Entry:
    """The record that follows upon the last one, by this process, now."""
    kept = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in facts.items()}
    salt = secrets.token_hex(16)
    return Entry(
        seq=last.count + 1,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        user=_user(),
        pid=os.getpid(),
        command=_command(),
        action=action,
        client=client,
        facts=kept,
        salt=salt,
        facts_sha256=facts_digest(kept, salt),
        before=last.sha256,
    )


def encode(entry: Entry) -> bytes:
    """A line, without its end: JSON, the keys sorted; there is one way to write a record, so no byte can be changed."""
    return _json({name: value for name, value in asdict(entry).items() if name in _ALWAYS or value is not None})


def decode(line: bytes) -> Entry | None:
    """The record that a line is; None if it is none."""
    try:
        values = json.loads(line)
        marks = {name: Mark(**values[name]) for name in ("torn", "witness") if name in values}
        entry = Entry(**{"facts": None, "salt": None, "client": None} | values | marks)
        return entry if encode(entry) == line else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def sha256_of(entry: Entry) -> str:
    """Hexadecimal; the same before and after its facts were erased."""
    return hashlib.sha256(encode(entry.without_facts())).hexdigest()


def facts_digest(facts: Mapping[str, Fact], salt: str) -> str:
    """Hexadecimal sha256 of facts and salt."""
    return hashlib.sha256(salt.encode() + _json(facts)).hexdigest()


_ALWAYS = frozenset({"seq", "at", "user", "pid", "command", "action", "client", "facts_sha256", "before"})


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _user() -> str:
    """By the system, since an environment variable says whatever a person likes."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def _command() -> str:
    """``kedro client add`` where click knows it, else the program's name."""
    click = sys.modules.get("click")
    context = click.get_current_context(silent=True) if click else None
    names: list[str] = []
    while context is not None:
        # `python -m kedro` has the name of the program twice, since Kedro puts one group into another.
        name = str(context.info_name).rpartition("python -m ")[2]
        names = [name, *names] if names[:1] != [name] else names
        context = context.parent
    if names:
        return " ".join(names)[:100]
    program = Path(sys.argv[0] if sys.argv else "")
    return (program.parent.name if program.name == "__main__.py" else program.name)[:100] or "python"
