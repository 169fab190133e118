"""What was, or is about to be, made at a service: written down before it is made, so that nothing is paid for twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from workbench.errors import Terminal
from workbench.hosted.translate import Throttled
from workbench.retrying import persistently

__all__ = ["Book", "Entry", "Making", "make_once"]

State = Literal["planned", "created", "deleting", "gone"]
STEP = 2.0


@dataclass(frozen=True)
class Entry:
    """One thing.

    Attributes:
        kind: ``file``, ``tuning_job``, ``deployment``.
        name: ours; it follows from what the thing is made of.
        state: ``planned`` before the request goes out.
        remote: the service's id, once known.
        facts: what else a person or the next run wants to know; ``sent`` is the time of a request without an answer.
    """

    kind: str
    name: str
    state: State
    remote: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Book(Protocol):
    """A client's entries; durable before a method returns."""

    def get(self, kind: str, name: str) -> Entry | None:
        """The entry, or None."""
        ...

    def put(self, entry: Entry) -> None:
        """Write it down, in the place of an older one."""
        ...

    def all(self) -> list[Entry]:
        """All of the client's, oldest first."""
        ...


@dataclass(frozen=True)
class Making:
    """How one thing is found and made.

    Attributes:
        find: looks for it by what it is made of; None if it is not there.
        make: makes it and gives its id.
        settle: seconds that a service may take to list what it has made.
        scale: factor of the waiting between tries.
    """

    find: Callable[[], str | None]
    make: Callable[[], str]
    settle: float
    scale: float = 1.0


def make_once(book: Book, kind: str, name: str, making: Making, facts: Mapping[str, Any]) -> str:
    """The id of a thing that exists once, whatever happened before.

    It is written down as planned, looked for, and only then made. If a request for it went out and no answer came (the
    line dropped, or the process died), it is looked for until ``settle`` seconds have passed since, and only then asked
    for again.
    """
    entry = book.get(kind, name)
    if entry is not None and entry.state == "created" and entry.remote:
        return entry.remote
    if entry is None or entry.state in {"gone", "deleting"}:
        entry = Entry(kind, name, "planned", facts=dict(facts))
        book.put(entry)
    remote = persistently(lambda: _attempt(book, kind, name, making), scale=making.scale)
    now = book.get(kind, name) or entry
    book.put(Entry(kind, name, "created", remote, {**_without_sent(now), **facts}))
    return remote


def _attempt(book: Book, kind: str, name: str, making: Making) -> str:
    entry = book.get(kind, name) or Entry(kind, name, "planned")
    found = making.find() or _look_on(entry, making)
    if found:
        return found
    book.put(Entry(kind, name, "planned", None, {**entry.facts, "sent": time.time()}))
    try:
        return making.make()
    except (Terminal, Throttled):
        # For certain it had no effect: nothing to look for.
        book.put(Entry(kind, name, "planned", None, _without_sent(entry)))
        raise


def _look_on(entry: Entry, making: Making) -> str | None:
    """Look again and again while a request may still come to light."""
    sent = entry.facts.get("sent")
    if sent is None:
        return None
    passed = time.time() - float(sent)
    # A clock that was set back must not shorten the patience.
    left = making.settle - passed if passed >= 0 else making.settle
    deadline = time.monotonic() + left
    while time.monotonic() < deadline:
        time.sleep(min(STEP * making.scale, max(0.0, deadline - time.monotonic())))
        found = making.find()
        if found:
            return found
    return None


def _without_sent(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.facts.items() if name != "sent"}
