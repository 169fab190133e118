"""One part made, changed or taken down, whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from workbench.errors import Gone, StillWorking, TargetError
from workbench.retrying import persistently
from workbench.targets.book import Book
from workbench.targets.plan import differences, refuse_anothers
from workbench.targets.protocol import AlreadyThere, Doing, Found, Part, Target

__all__ = ["Silence", "Waiting", "Work"]

R = TypeVar("R")


class Waiting(Protocol):
    """Who is told what is waited for."""

    def step(self, text: str) -> None:
        """A step begins."""

    def doing(self, doing: Doing) -> None:
        """How far it is."""


class Silence:
    """Tells nobody."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def doing(self, doing: Doing) -> None:
        """Say nothing."""


class Work:
    """Makes, changes and takes down the parts of a target.

    Args:
        target: where.
        client: whose.
        book: the ledger's rows.
        view: is told what is waited for.
        poll_seconds: between two looks.
        deadline_seconds: for one operation.
        scale: factor of the waiting times between two attempts.
    """

    def __init__(
        self,
        target: Target,
        client: str,
        book: Book,
        view: Waiting,
        *,
        poll_seconds: float,
        deadline_seconds: float,
        scale: float = 1.0,
    ) -> None:
        self._target, self._client, self._book, self._view = target, client, book, view
        self._poll_seconds, self._deadline_seconds, self._scale = poll_seconds, deadline_seconds, scale

    def ask(self, action: Callable[[], R]) -> R:
        """One call to a service, again while that may help."""
        return persistently(action, scale=self._scale)

    def tell(self, doing: Doing) -> None:
        """Say how far something is."""
        self._view.doing(doing)

    def find(self, part: Part) -> Found | None:
        """The part as it is, if it is this client's."""
        found = self.ask(part.find)
        if found is not None:
            refuse_anothers(self._target, self._client, part, found)
        return found

    def ensure(self, part: Part) -> Found:
        """Make the part what it is to be; finds what an earlier run, or the last attempt, has begun.

        The ledger is written before each call that changes something.
        """
        begun = self._book.find(part.kind, part.name)
        found = self.find(part)
        if found is not None and found.ready and not differences(part, found):
            if begun is None:
                self._book.plan(part.kind, part.name, part.version, part.wanted)
            self._book.note(part.kind, part.name, "created", remote=found.id)
            return found
        self._book.plan(part.kind, part.name, part.version, part.wanted)
        operation = begun.operation if begun is not None and begun.state == "planned" else ""
        # Whoever was killed before the answer came knows no operation; the service may.
        operation = operation or (found.operation if found is not None else "")
        if operation:
            self._view.step(f"{part.kind} {part.name}: found what was begun")
            # If that has failed, it is begun anew, and says why if it fails again.
            with suppress(TargetError):
                self.wait(part.poll, operation, f"{part.kind} {part.name}")
            found = self.find(part)
        if found is None:
            self._view.step(f"{part.kind} {part.name}: creating")
            self._create(part)
        found = self._ready(part)
        if differences(part, found):
            self._view.step(f"{part.kind} {part.name}: changing")
            changing = found
            self._run(part, "planned", lambda: part.change(changing))
            found = self._ready(part)
        self._book.note(part.kind, part.name, "created", remote=found.id)
        return found

    def remove(self, part: Part) -> bool:
        """Take the part down; whether there was one."""
        begun = self._book.find(part.kind, part.name)
        found = self.find(part)
        operation = begun.operation if begun is not None and begun.state == "planned" else ""
        operation = operation or (found.operation if found is not None else "")
        if operation:
            with suppress(TargetError):
                self.wait(part.poll, operation, f"{part.kind} {part.name}")
            found = self.find(part)
        if found is not None:
            if begun is None:
                self._book.plan(part.kind, part.name, part.version, part.wanted)
            self._book.note(part.kind, part.name, "deleting", remote=found.id)
            self._view.step(f"{part.kind} {part.name}: deleting")
            leaving = found
            self._run(part, "deleting", lambda: part.delete(leaving))
            self.until(lambda: self.find(part) is None, f"{part.kind} {part.name} is still there")
        self._book.note(part.kind, part.name, "gone")
        return found is not None

    def wait(self, poll: Callable[[str], Doing], operation: str, what: str) -> None:
        """Look at an operation until it is done; what the service does not know any more has ended.

        Raises:
            StillWorking: it takes longer than the deadline; it goes on.
        """

        def is_done() -> bool:
            try:
                doing = self.ask(lambda: poll(operation))
            except Gone:
                return True
            self._view.doing(doing)
            return doing.done

        self.until(is_done, what)

    def _create(self, part: Part) -> None:
        def attempt() -> None:
            # The attempt before may have arrived, whatever became of its answer.
            if self.find(part) is not None:
                return
            try:
                operation = part.create()
            except AlreadyThere:
                return
            if operation:
                self._book.note(part.kind, part.name, "planned", operation=operation)
                self.wait(part.poll, operation, f"{part.kind} {part.name}")

        persistently(attempt, scale=self._scale)

    def _run(self, part: Part, state: str, action: Callable[[], str]) -> None:
        operation = self.ask(action)
        if operation:
            self._book.note(part.kind, part.name, "deleting" if state == "deleting" else "planned", operation=operation)
            self.wait(part.poll, operation, f"{part.kind} {part.name}")

    def _ready(self, part: Part) -> Found:
        """Wait until the service shows the part, and it can be used: what was made is not seen by all at once."""
        latest: list[Found] = []

        def is_ready() -> bool:
            found = self.find(part)
            if found is not None:
                latest[:] = [found]
                if not found.ready:
                    self._view.doing(Doing(False, None, "not ready yet"))
            return found is not None and found.ready

        self.until(is_ready, f"{part.kind} {part.name} is not ready")
        return latest[0]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Look again and again until something is so.

        Raises:
            StillWorking: it is not after the deadline; ``what`` says in its message what is not.
        """
        end, pause = time.monotonic() + self._deadline_seconds, min(self._poll_seconds, 0.05)
        while not condition():
            if time.monotonic() > end:
                raise StillWorking(
                    f"{what} after {self._deadline_seconds:.0f} s",
                    where=f"client {self._client}, target {self._target.name}",
                    hint="it goes on there; the same command finds it again",
                )
            time.sleep(pause)
            # The first looks come soon: much is done at once, and a service that takes minutes is not hurried.
            pause = min(self._poll_seconds, pause * 2)
