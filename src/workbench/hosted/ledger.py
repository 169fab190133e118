"""What was, or is about to be, made at a service: written down before it is made, so that nothing is paid for twice.

Rows are those of all targets (:mod:`workbench.targets.book`), under a name that no client's target can have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import Terminal
from workbench.retrying import persistently
from workbench.targets.azure_openai.translate import Throttled
from workbench.targets.book import TUNING, Book, Resource

__all__ = ["Making", "book_of", "made", "make_once", "sought"]

STEP = 2.0
SENT = "sent "
"""Begins the operation of a row for which a request went out, and no answer came yet; the time stands behind it."""


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


def book_of(project: Path, client: str) -> Book:
    """A client's rows."""
    return Book(project, client, TUNING)


def made(book: Book, kind: str, name: str) -> str | None:
    """The service's id of a thing that was made and is there; None if it is not, or that is not known."""
    row = book.find(kind, name)
    return row.remote if row is not None and row.state == "created" and row.remote else None


def make_once(book: Book, kind: str, name: str, making: Making, facts: Mapping[str, Any]) -> str:
    """The id of a thing that exists once, whatever happened before.

    It is written down as planned, looked for, and only then made. If a request for it went out and no answer came (the
    line dropped, or the process died), it is looked for until ``settle`` seconds have passed since, and only then asked
    for again.
    """
    known = made(book, kind, name)
    if known:
        return known
    book.plan(kind, name, None, facts)
    remote = persistently(lambda: _attempt(book, kind, name, making), scale=making.scale)
    book.note(kind, name, "created", remote=remote)
    return remote


def sought(row: Resource, find: Callable[[], str | None], settle: float, scale: float = 1.0) -> str:
    """The id of what was asked for, of a row that may not know it; "" if it is not there, or no request went out.

    Whoever takes down what a client has looks for it by this: a process that died after its request has left something
    that may run, and be paid, and that its row alone does not lead to.
    """
    if not row.operation.startswith(SENT):
        return row.remote
    making = Making(find, str, settle, scale)
    return persistently(lambda: find() or _look_on(row.operation, making), scale=scale) or ""


def _attempt(book: Book, kind: str, name: str, making: Making) -> str:
    row = book.find(kind, name)
    found = making.find() or _look_on(row.operation if row else "", making)
    if found:
        return found
    book.note(kind, name, "planned", operation=f"{SENT}{time.time()}")
    try:
        return making.make()
    except (Terminal, Throttled):
        # For certain it had no effect: nothing to look for.
        book.note(kind, name, "planned")
        raise


def _look_on(operation: str, making: Making) -> str | None:
    """Look again and again while a request may still come to light."""
    if not operation.startswith(SENT):
        return None
    passed = time.time() - float(operation.removeprefix(SENT))
    # A clock that was set back must not shorten the patience.
    left = making.settle - passed if passed >= 0 else making.settle
    deadline = time.monotonic() + left
    while True:
        # Once more in any case: lists are made by more than one machine, and one of them may be behind.
        time.sleep(min(STEP * making.scale, max(0.1 * making.scale, deadline - time.monotonic())))
        found = making.find()
        if found or time.monotonic() >= deadline:
            return found
