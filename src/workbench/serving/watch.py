"""Keeps what is served in step with the traffic file: looked at five times a second, and on SIGHUP.

A new file is read, its new versions are loaded and warmed up in a thread, and only then does it come into force, as
one. Whatever goes wrong on that way leaves what is in force as it is, and is told by :meth:`Keeper.status`.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.clients.serving import Serving
from workbench.errors import ConfigurationError, WorkbenchError
from workbench.serving.traffic import Traffic, parse_traffic, sha256_of_text
from workbench.serving.versions import Generation, Roster, load_generation

__all__ = ["Keeper"]

logger = logging.getLogger(__name__)

SECONDS = 0.2
"""Between two looks at the file."""

LARGEST = 2**20
"""Bytes of a traffic file."""


class Keeper:
    """Loads what is to be served.

    Args:
        roster: what it puts generations into.
        serving: the configuration.
        model: the model's name.
        source: the traffic file, or what is served for good.
    """

    def __init__(self, roster: Roster, serving: Serving, model: str, source: Path | Traffic) -> None:
        self._roster, self._serving, self._model, self._source = roster, serving, model, source
        self._stamp: tuple[int, int, int] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._again = asyncio.Event()
        self._seen: str | None = None
        self._loading = False
        self.last_error: dict[str, str | None] | None = None

    def look_again(self) -> None:
        """Load at once, also if the file has not changed."""
        self._again.set()

    async def load_first(self) -> None:
        """Load what is there at the start.

        Raises:
            WorkbenchError: it cannot be served.
        """
        await self._load()
        if self.last_error is not None:
            raise self._problem

    async def watch(self) -> None:
        """Follow the file, for ever."""
        while isinstance(self._source, Path):
            try:
                await asyncio.wait_for(self._again.wait(), SECONDS)
                self._again.clear()
            except TimeoutError:
                if _stamp_of(self._source) in {self._stamp, None}:
                    continue
            await self._load()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def status(self) -> dict[str, Any]:
        """What is in force, and what went wrong last."""
        current = self._roster.current
        shares = current.traffic.traffic if current else {}
        return {
            "model": self._model,
            "loading": self._loading,
            "generation": current.to_dict() if current else None,
            "seen": self._seen,
            "versions": {
                name: {
                    "sha256": version.sha256,
                    "traffic": shares.get(name, 0),
                    "milliseconds": round(version.costs.expected(1) * 1000, 3),
                }
                for name, version in (current.versions.items() if current else ())
            },
            "traffic": dict(shares),
            "last_error": self.last_error,
        }

    async def _load(self) -> None:
        self._loading = True
        before = self._roster.current
        seen: str | None = None
        try:
            content = self._content()
            self._seen = seen = sha256_of_text(content)
            if before is None or seen != before.sha256:
                generation = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._made, content, seen, before
                )
                self._roster.put_in_force(generation)
                logger.info("traffic %s is in force: %s", seen[:12], dict(generation.traffic.traffic))
            self.last_error = None
        except WorkbenchError as error:
            self._note(error, seen)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is in force goes on
            what = f"cannot be loaded ({type(error).__name__}{_module(error)})"
            self._note(ConfigurationError(what, where=self._where), seen)
        finally:
            self._loading = False

    def _made(self, content: bytes, sha256: str, before: Generation | None) -> Generation:
        number = before.number + 1 if before else 1
        traffic = parse_traffic(content, self._where)
        return load_generation(number, sha256, traffic, before, model=self._model, serving=self._serving)

    def _content(self) -> bytes:
        if isinstance(self._source, Traffic):
            return self._source.model_dump_json().encode()
        # The stamp goes first: a file that is replaced meanwhile has another one at the next look.
        self._stamp = _stamp_of(self._source)
        try:
            with self._source.open("rb") as stream:
                content = stream.read(LARGEST + 1)
        except OSError as error:
            raise ConfigurationError(f"cannot be read ({error.strerror})", where=self._where) from error
        if len(content) > LARGEST:
            raise ConfigurationError(f"is larger than {LARGEST:,} bytes", where=self._where)
        return content

    @property
    def _where(self) -> str:
        return f"traffic file {self._source}" if isinstance(self._source, Path) else f"model {self._model}"

    def _note(self, error: WorkbenchError, seen: str | None) -> None:
        self._problem = error
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.last_error = {"sha256": seen, "message": str(error), "at": at}
        logger.error("%s", error)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _module(error: Exception) -> str:
    """The package that an image lacks."""
    return f": {error.name}" if isinstance(error, ImportError) else ""
