"""The log's two files: ``audit.jsonl``, and ``audit.head``, which says how far it goes.

A record is one ``write`` to a file opened with ``O_APPEND``, on the device before :func:`record` returns; the head
follows it, and is flushed by the system when it likes. After a kill or a power cut it may be behind, which is no fault,
and which the next record puts right. A writer that is killed in the
middle of a line leaves it torn; the next record says so, with the digest of what was left. Nothing is ever taken out
but the facts of an erased client.

The head is in a file of its own, so that a log whose end was cut is known for it. Who may write both can cut both: an
anchor that is kept elsewhere (``kedro fleet audit verify --anchor``) is what stands against that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from workbench.audit.entry import GENESIS, Entry, Fact, Mark, decode, encode, new, sha256_of
from workbench.errors import Busy, ConfigurationError
from workbench.files import durable_file

__all__ = ["START", "Lines", "entries", "erase", "read_head", "record"]

START = Mark(0, GENESIS)
"""The place before the first record."""

_WAIT_SECONDS, _PAUSE_SECONDS = 20.0, 0.002
_HEAD_BYTES = 128
_CHUNK = 16_384


def record(project: Path, action: str, *, client: str | None = None, **facts: Fact) -> None:
    """Append a record; it is on the device when this returns.

    Args:
        project: the project's folder.
        action: what was done, as ``thing.done``: ``client.added``.
        client: to whom.
        facts: numbers, and names of things: never a secret, never a row's values, nothing about a person.

    Raises:
        Busy: another process has held the log for twenty seconds.
        ConfigurationError: the log cannot be written.
    """
    with _opened(project) as log:
        log.append(action, client, facts)


def erase(project: Path, client: str) -> int:
    """Take the facts out of all records about a client; that it happened becomes a record first.

    Returns:
        How many records there are about it.
    """
    with _opened(project) as log:
        log.append("audit.erased", client, {})
        found = 0
        with durable_file(log.path) as staging, staging.open("wb") as stream:
            # What torn lines hold is not known, so they go too; their digests stay, in the records after them.
            for entry in entries(project):
                found += entry.client == client
                stream.write(encode(entry.without_facts() if entry.client == client else entry) + b"\n")
        return found


def entries(project: Path) -> Iterator[Entry]:
    """The records, in order; lines that are none are left out. Says nothing on whether they are what was written."""
    for _, line in Lines.of(project):
        entry = decode(line)
        if entry is not None:
            yield entry


class Lines:
    """The log's lines, as bytes with their end, numbered from 1."""

    @staticmethod
    def path(project: Path) -> Path:
        """Where the log lies."""
        return project / ".workbench" / "audit.jsonl"

    @classmethod
    def of(cls, project: Path) -> Iterator[tuple[int, bytes]]:
        """Number and line, without its end. There are none where there is no log."""
        try:
            with cls.path(project).open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    yield number, line.removesuffix(b"\n")
        except FileNotFoundError:
            return


def files(project: Path) -> tuple[Path, ...]:
    """The log, and what counts its records."""
    return Lines.path(project), Lines.path(project).with_name("audit.head")


def read_head(project: Path) -> Mark | None:
    """How far the log goes; None if that is not known."""
    try:
        with Lines.path(project).with_name("audit.head").open("rb") as stream:
            return _parse_head(stream.read(_HEAD_BYTES))
    except OSError:
        return None


@dataclass
class _Log:
    """The log, locked by this process."""

    path: Path
    head: int

    def append(self, action: str, client: str | None, facts: dict[str, Fact]) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            last, rest = _last(descriptor, size)
            entry = new(last, action, client, facts)
            if rest.strip(b"\n"):
                entry = replace(entry, torn=Mark(len(rest), hashlib.sha256(rest).hexdigest()))
            head = _parse_head(os.pread(self.head, _HEAD_BYTES, 0))
            if not _agree(head, last, descriptor):
                entry = replace(entry, witness=head or START)
            # The line before may lack its end: it is given one, and stays what it is.
            begin = b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""
            _write(descriptor, begin + encode(entry) + b"\n")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        mark = json.dumps(asdict(Mark(entry.seq, sha256_of(entry))))
        os.pwrite(self.head, f"{mark:<{_HEAD_BYTES - 1}}\n".encode("ascii"), 0)
        if not size:
            _flush_folder(self.path.parent)


def _last(descriptor: int, size: int) -> tuple[Mark, bytes]:
    """The last record, and what comes after it: nothing, or what a killed writer left."""
    begin = size
    while begin > 0:
        begin = max(0, begin - _CHUNK)
        data = os.pread(descriptor, size - begin, begin)
        *whole, end = data.split(b"\n")
        lines = [*(line + b"\n" for line in whole), *([end] if end else [])]
        after = b""
        # The first line of a chunk may lack its beginning.
        for line in reversed(lines if begin == 0 else lines[1:]):
            entry = decode(line.removesuffix(b"\n"))
            if entry is not None:
                return Mark(entry.seq, sha256_of(entry)), after
            after = line + after
    return START, os.pread(descriptor, size, 0)


def _agree(head: Mark | None, last: Mark, descriptor: int) -> bool:
    """Whether the head is a place in the log; it is behind if writers were killed before they moved it."""
    if head is None:
        return last.count <= 1
    if head.count >= last.count:
        return head == last
    if head.count == 0:
        return True
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        found = (decode(line.removesuffix(b"\n")) for line in stream)
        return any(one is not None and Mark(one.seq, sha256_of(one)) == head for one in found)


def _parse_head(data: bytes) -> Mark | None:
    try:
        return Mark(**json.loads(data))
    except (ValueError, TypeError):
        return None


@contextmanager
def _opened(project: Path) -> Iterator[_Log]:
    path = Lines.path(project)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # The lock is the head's, because the log itself may be replaced, when a client is erased.
        head = os.open(path.with_name("audit.head"), flags, 0o644)
        try:
            _lock(head, path)
            yield _Log(path, head)
        finally:
            os.close(head)
    except OSError as error:
        raise ConfigurationError(
            f"the audit log cannot be written ({error.strerror})",
            where=str(path),
            hint="look if the disk is full, and if you may write there; what is not on record is not done",
        ) from error


def _lock(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Busy(
                    "another process has held the audit log for too long", where=str(path), hint="try again"
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
