"""What several workers behind one address tell each other: who is ready, and which traffic file each has in force.

A few bytes of memory that all of them map, a slot each. A slot that is read while it is written is at worst taken for
one that does not agree yet, and is looked at again.
"""

from __future__ import annotations

import mmap
import os
import tempfile

__all__ = ["Board"]

_DIGEST = 32
_SLOT = 1 + 2 * _DIGEST
_NONE = bytes(_DIGEST)
_UP, _READY = 1, 2


class Board:
    """The slots of all workers.

    Args:
        descriptor: of the file behind the memory.
        workers: how many there are.
        place: whose slot :meth:`put` writes.
    """

    def __init__(self, descriptor: int, workers: int, place: int = 0) -> None:
        self.descriptor, self.workers, self._place = descriptor, workers, place
        self._memory = mmap.mmap(descriptor, workers * _SLOT)

    @classmethod
    def made(cls, workers: int) -> Board:
        """An empty one, in a file that has no name."""
        with tempfile.TemporaryFile() as file:
            file.truncate(workers * _SLOT)
            return cls(os.dup(file.fileno()), workers)

    def put(self, *, ready: bool, in_force: str | None, failed: str | None) -> None:
        """Tell the others.

        Args:
            ready: whether this worker can answer.
            in_force: the sha256 of its traffic file, as hexadecimal digits.
            failed: that of the file that it could not load last.
        """
        digests = (bytes.fromhex(one) if one else _NONE for one in (in_force, failed))
        begin = self._place * _SLOT
        self._memory[begin : begin + _SLOT] = bytes([_READY if ready else _UP]) + b"".join(digests)

    def clear(self, place: int) -> None:
        """Forget a worker that has ended."""
        self._memory[place * _SLOT : (place + 1) * _SLOT] = bytes(_SLOT)

    def is_ready(self, place: int) -> bool:
        """Whether one worker can answer."""
        return self._memory[place * _SLOT] == _READY

    @property
    def all_up(self) -> bool:
        """Whether all of them take connections."""
        return all(self._memory[place * _SLOT] for place in range(self.workers))

    @property
    def all_ready(self) -> bool:
        """Whether all of them can."""
        return all(self.is_ready(place) for place in range(self.workers))

    def all_have(self, sha256: str) -> bool:
        """Whether all of them have a traffic file in force."""
        return all(self._digest(place, 0) == bytes.fromhex(sha256) for place in range(self.workers))

    def who_failed(self, sha256: str) -> int | None:
        """A worker, counted from 1, that could not load a traffic file."""
        wanted = bytes.fromhex(sha256)
        return next((place + 1 for place in range(self.workers) if self._digest(place, 1) == wanted), None)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.descriptor)

    def _digest(self, place: int, which: int) -> bytes:
        begin = place * _SLOT + 1 + which * _DIGEST
        return self._memory[begin : begin + _DIGEST]
