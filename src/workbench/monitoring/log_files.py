"""The files of a prediction log, held still while a server writes on: :class:`LogFiles` and the lines in them.

A server renames a full file and begins the next one (:mod:`workbench.serving.prediction_log`). What was opened stays
what it is, whatever its name is later, and of the file that grows only what it had when it was opened is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from workbench.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LONGEST_LINE", "LogFiles", "opened"]

CHUNK = 4 * 2**20
"""Bytes that are read at once."""

LONGEST_LINE = 1 * 2**20
"""A line beyond it is none of a server's: a row has some hundred features. It is skipped, and counted."""

_TRIES = 5
_NEWLINE = b"\n"


@dataclass
class LogFiles:
    """Opened files, the oldest first.

    Attributes:
        streams: each with the bytes that are to be read of it.
        lines: that were read so far, the unreadable ones among them.
        damaged: of those, that are not UTF-8 or too long.
        torn: files that ended in the middle of a line, as a power cut leaves them, or a server that is writing it.
    """

    streams: list[tuple[IO[bytes], int]]
    lines: int = 0
    damaged: int = 0
    torn: int = 0
    _skipping: bool = field(default=False, repr=False)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The lines as batches of one text column ``line``, a chunk at a time."""
        for stream, size in self.streams:
            stream.seek(0)
            yield from self._of(stream, size)

    def _of(self, stream: IO[bytes], size: int) -> Iterator[pa.RecordBatch]:
        rest, self._skipping = b"", False
        while size > 0:
            read = stream.read(min(CHUNK, size))
            if not read:
                break  # somebody cut the file
            size -= len(read)
            whole, newline, rest = (rest + read).rpartition(_NEWLINE)
            if newline:
                yield self._batch(whole)
            if len(rest) > LONGEST_LINE:
                rest, self._skipping = b"", True  # until the next line begins
        if rest or self._skipping:
            self.torn += 1
            yield self._batch(rest)

    def _batch(self, whole: bytes) -> pa.RecordBatch:
        import pyarrow as pa

        lines = whole.split(_NEWLINE)
        self.lines += len(lines)
        if self._skipping:  # what is left of a line whose beginning was thrown away
            lines, self._skipping = lines[1:], False
            self.damaged += 1
        return pa.RecordBatch.from_arrays([pa.array(self._texts(lines), pa.string())], ["line"])

    def _texts(self, lines: list[bytes]) -> list[str]:
        texts = []
        for line in lines:
            text = None
            if len(line) <= LONGEST_LINE:
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    text = None
            if text is None:
                self.damaged += 1
            else:
                texts.append(text)
        return texts


@contextmanager
def opened(path: Path) -> Iterator[LogFiles]:
    """All files of a log: ``path`` and the full ones, ``path.1``, ``path.2``, …; none if there is no log.

    Args:
        path: of the file that a server writes.

    Raises:
        DataError: one of them cannot be read.
    """
    with ExitStack() as stack:
        for attempt in range(_TRIES):
            files = stack.enter_context(ExitStack())
            streams: dict[tuple[int, int], tuple[IO[bytes], int]] = {}
            for one in _names(path):
                stream = _open(one, files)
                if stream is not None:
                    about = os.fstat(stream.fileno())
                    streams.setdefault((about.st_dev, about.st_ino), (stream, about.st_size))
            there = {key for one in _names(path) if (key := _identity(one)) is not None}
            if streams.keys() == there or attempt == _TRIES - 1:
                break  # nothing was renamed in between
            files.close()
        yield LogFiles(list(streams.values()))


def _names(path: Path) -> list[Path]:
    """The oldest first."""
    numbered = []
    if path.parent.is_dir():
        for one in path.parent.iterdir():
            number = one.name.removeprefix(f"{path.name}.")
            if number != one.name and number.isdecimal() and number.isascii() and len(number) < 7:
                numbered.append((int(number), one))
    ordered = [one for _, one in sorted(numbered, reverse=True)]
    return [*ordered, path] if path.exists() else ordered


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_dev, about.st_ino


def _open(path: Path, files: ExitStack) -> IO[bytes] | None:
    try:
        return files.enter_context(path.open("rb"))
    except FileNotFoundError:
        return None  # renamed, or the oldest one, which has gone
    except OSError as error:
        raise DataError(
            f"the prediction log cannot be read ({error.strerror})", where=str(path), hint="look at whose file it is"
        ) from error
