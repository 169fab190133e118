"""What several workers behind one address tell each other: who is ready, and which traffic file each has in force.

A few bytes of memory that all of them map: one of all, then a slot each. A slot that is read while it is written is at
worst taken for one that does not agree yet, and is looked at again.
"""

from __future__ import annotations

import mmap
import os
import tempfile

__all__ = ["Board"]

_DIGEST = 32
_SLOT = 1 + 2 * _DIGEST
_NONE = bytes(_DIGEST)
_DOWN, _UP, _READY, _OUT = range(4)


class Board:
    """The slots of all workers.

    Args:
        descriptor: of the file behind the memory.
        workers: how many there are.
        place: whose slot :meth:`put` writes.
    """

    def __init__(self, descriptor: int, workers: int, place: int = 0) -> None:
        self.descriptor, self.workers, self._place = descriptor, workers, place
        self._memory = mmap.mmap(descriptor, 1 + workers * _SLOT)

    @classmethod
    def made(cls, workers: int) -> Board:
        """An empty one, in a file that has no name."""
        with tempfile.TemporaryFile() as file:
            file.truncate(1 + workers * _SLOT)
            return cls(os.dup(file.fileno()), workers)

    def put(self, *, ready: bool, in_force: str | None, failed: str | None) -> None:
        """Tell the others.

        Args:
            ready: whether this worker can answer.
            in_force: the sha256 of its traffic file, as hexadecimal digits.
            failed: that of the file that it could not load last.
        """
        digests = (bytes.fromhex(one) if one else _NONE for one in (in_force, failed))
        self._write(self._place, bytes([_READY if ready else _UP]) + b"".join(digests))

    def clear(self, place: int, *, out: bool = False) -> None:
        """Forget a worker that has ended.

        Args:
            place: whose slot it was.
            out: whether no connection goes to that place any more, so that nobody need wait for who comes next.
        """
        self._write(place, bytes([_OUT if out else _DOWN]) + 2 * _NONE)

    def is_up(self, place: int) -> bool:
        """Whether one worker takes connections, and signals."""
        return self._state(place) in {_UP, _READY}

    def is_ready(self, place: int) -> bool:
        """Whether one worker can answer."""
        return self._state(place) == _READY

    @property
    def all_up(self) -> bool:
        """Whether all of them take connections."""
        return all(self._state(place) for place in range(self.workers))

    @property
    def ready(self) -> int:
        """How many of them can answer."""
        return sum(self.is_ready(place) for place in range(self.workers))

    @property
    def came_up(self) -> bool:
        """Whether all of them could, at one time; what is replaced later does not count."""
        if not self._memory[0] and self.ready == self.workers:
            self._memory[0] = 1
        return bool(self._memory[0])

    def all_have(self, sha256: str) -> bool:
        """Whether all that connections go to have a traffic file in force."""
        wanted = bytes.fromhex(sha256)
        return all(self._state(place) == _OUT or self._digest(place, 0) == wanted for place in range(self.workers))

    def who_failed(self, sha256: str) -> int | None:
        """A worker, counted from 1, that could not load a traffic file."""
        wanted = bytes.fromhex(sha256)
        return next((place + 1 for place in range(self.workers) if self._digest(place, 1) == wanted), None)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.descriptor)

    def _state(self, place: int) -> int:
        return self._memory[1 + place * _SLOT]

    def _digest(self, place: int, which: int) -> bytes:
        begin = 1 + place * _SLOT + 1 + which * _DIGEST
        return self._memory[begin : begin + _DIGEST]

    def _write(self, place: int, slot: bytes) -> None:
        begin = 1 + place * _SLOT
        self._memory[begin : begin + _SLOT] = slot
