"""What was predicted, from what, as JSON lines for `monitor`: no key, nothing personal, and never in the way.

A request hands its rows over and goes on; a thread writes them. What the disk is too slow for is dropped and counted.
The file is flushed to the device each second, and when it is full it is renamed and the next one is begun; the oldest
of the full ones goes. Several processes may write one file: each line goes out whole, and one of them renames.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from workbench.clients.serving import PredictionLog as Settings
from workbench.serving.contract import Predicted
from workbench.serving.rows import Rows
from workbench.serving.versions import Version

__all__ = ["PredictionLog"]

logger = logging.getLogger(__name__)

EVERY = 0.2
"""Seconds between two looks at what waits."""

FLUSHED = 1.0
"""Seconds that a power cut may cost."""


@dataclass(frozen=True, slots=True)
class _Entry:
    seconds: float
    request_id: str
    version: Version
    rows: Rows
    predicted: Predicted


class PredictionLog:
    """A file that grows, and the thread that writes it.

    Args:
        path: of the file that is written; full ones get ``.1``, ``.2``, … behind it, the newest ``.1``.
        settings: sizes.
        model: the model's name.
        left_out: columns that are never written: keys, and what is personal.
    """

    def __init__(self, path: Path, settings: Settings, model: str, left_out: Collection[str] = ()) -> None:
        self._path, self._settings, self._model = path, settings, model
        self._left_out = frozenset(left_out)
        self._full = settings.megabytes * 2**20
        self._entries: deque[_Entry] = deque()
        self._waiting = 0
        self.dropped = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin; the folder is made, so that a wrong one is known at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab"):
            pass
        self._thread.start()

    def note(self, request_id: str, version: Version, rows: Rows, predicted: Predicted) -> None:
        """Hand rows over; takes microseconds, and never waits for the disk."""
        count = rows.num_rows
        with self._lock:
            if self._waiting + count > self._settings.waiting:
                self.dropped += count
                return
            self._waiting += count
        self._entries.append(_Entry(time.time(), request_id, version, rows, predicted))

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        flushed = time.monotonic()
        while True:
            ends = self._stop.wait(EVERY)
            try:
                self._write()
                if ends or time.monotonic() - flushed > FLUSHED:
                    self._flush()
                    flushed = time.monotonic()
            except OSError as error:
                logger.warning("the prediction log cannot be written (%s); its rows are dropped", error.strerror)
            if ends:
                return

    def _write(self) -> None:
        while self._entries:
            taken = []
            lines = 0
            while self._entries and lines < 2000:
                entry = self._entries.popleft()
                taken.append(entry)
                lines += entry.rows.num_rows
            with self._lock:
                self._waiting -= lines
            try:
                with self._path.open("ab") as stream:
                    stream.write(b"".join(line for entry in taken for line in self._lines(entry)))
                    full = stream.tell() >= self._full
            except OSError:
                self.dropped += lines
                raise
            if full:
                self._rotate()

    def _lines(self, entry: _Entry) -> Iterator[bytes]:
        """A line a row."""
        columns = entry.version.contract.columns
        at = datetime.fromtimestamp(entry.seconds, UTC).isoformat(timespec="milliseconds")
        shared = {"at": at, "model": self._model, "version": entry.version.name, "request_id": entry.request_id}
        keep = [name not in self._left_out and self._settings.features for name in columns.features]
        for place, record in enumerate(entry.predicted.records()):
            values = (*entry.rows.numbers[place], *entry.rows.texts[place])
            features: dict[str, Any] = {
                name: value for name, value, kept in zip(columns.features, values, keep, strict=True) if kept
            }
            yield orjson.dumps({**shared, "row": place, **record, "features": features}) + b"\n"

    def _rotate(self) -> None:
        self._flush()
        with self._alone():
            if not self._path.exists() or self._path.stat().st_size < self._full:
                return  # another process has done it
            for number in range(self._settings.files, 0, -1):
                older = self._numbered(number)
                if number == self._settings.files:
                    older.unlink(missing_ok=True)
                elif older.exists():
                    older.rename(self._numbered(number + 1))
            self._path.rename(self._numbered(1))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else renames inside the block; the lock is the folder's, and ends with this process."""
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _flush(self) -> None:
        with suppress(FileNotFoundError):
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
