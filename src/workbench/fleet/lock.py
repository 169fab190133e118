"""One client, one writer: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import Busy, ConfigurationError
from workbench.fleet.process import Process

__all__ = ["ClientLock"]

_ATTEMPTS, _PAUSE_SECONDS = 5, 0.05
"""`is_held` holds the lock for microseconds in order to ask; that must not look like a run."""


@dataclass(frozen=True)
class _Holder:
    """What the lock file says; only to tell people, never to decide."""

    pid: int
    birth: str
    since: str
    pipeline: str


class ClientLock:
    """The right to write a client's data, models and reports.

    The file is never removed: whoever opened it just before would lock a file that nobody else sees.

    Args:
        state: the project's ``.workbench`` folder.
        client: a registered client.
        of: what else of the client has a lock of its own, such as its deployment to a target.
    """

    def __init__(self, state: Path, client: str, of: str = "") -> None:
        self.client = client
        self.path = state / "locks" / (f"{client}.{of}.lock" if of else f"{client}.lock")
        self._descriptor: int | None = None

    def acquire(self, pipeline: str) -> None:
        """Take the lock for a run of a pipeline.

        Raises:
            Busy: another run holds it; the message names its pid and since when.
            ConfigurationError: the lock file cannot be opened.
        """
        descriptor = self._open()
        if not _take(descriptor):
            content = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            raise self._busy(content)
        self._descriptor = descriptor
        # A child that a node forks shares the lock, and would keep it after this process died.
        os.register_at_fork(after_in_child=self._forget)
        mine = Process.current()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(_Holder(mine.pid, mine.birth, since, pipeline))).encode(), 0)

    def release(self) -> None:
        """Give it back; does nothing if it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self._forget()

    def is_held(self) -> bool:
        """Whether any process holds it, on this machine, in whatever container."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # cannot be told; nothing is decided on it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"the lock file cannot be opened ({error.strerror})",
                where=f"client {self.client}, {self.path}",
                hint="make the folder writable; the file must be a plain one",
            ) from error

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _busy(self, content: bytes) -> Busy:
        where = f"client {self.client}"
        try:
            holder = _Holder(**json.loads(content))
            since = datetime.fromisoformat(holder.since).astimezone()
            pid = int(holder.pid)
        except (ValueError, TypeError, OverflowError):
            return Busy(
                "another run holds the client, and the lock file does not say which",
                where=f"{where}, {self.path}",
                hint=f"`fuser {self.path}` names the process; wait for it",
            )
        return Busy(
            f"process {pid} is running pipeline {str(holder.pipeline)[:80]!r} since {since:%Y-%m-%d %H:%M:%S}",
            where=where,
            hint=f"wait for it, or stop it with `kill {pid}`",
        )


def _take(descriptor: int) -> bool:
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
