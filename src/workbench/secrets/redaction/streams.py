"""Standard output and standard error from which known secrets are taken, also when they come in pieces."""

from __future__ import annotations

from threading import RLock
from typing import Any, TextIO

from workbench.secrets.redaction.known import known_secrets

__all__ = ["RedactingStream"]


class RedactingStream:
    """Passes on what is written to it, less the secrets.

    What could be the beginning of one is held back until more comes, also over a flush, else two writes would say what
    one may not. A line's end is never held, so a terminal lacks at most the last letters of a prompt.

    What goes around Python (a program that writes to descriptor 1 or 2 itself) is not seen.

    Args:
        stream: where it goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._held, self._lock = stream, "", RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text."""
        with self._lock:
            known = known_secrets()
            whole = known.scrubbed(self._held + text)
            kept = known.beginning_in(whole)
            self._held = whole[len(whole) - kept :]
            self._stream.write(whole[: len(whole) - kept])
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush what is not held back."""
        self._stream.flush()

    def drain(self) -> None:
        """Write what was held back: nothing more comes, so it is no secret."""
        with self._lock:
            self._stream.write(self._held)
            self._held = ""
            self._stream.flush()
