"""What a fleet run has still to do, in order: one run a client at a time, and a retry when its time has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from workbench.fleet.plan import Cell

__all__ = ["Item", "Queue"]


@dataclass(frozen=True)
class Item:
    """A run that waits.

    Attributes:
        number: its row of the ledger.
        cell: what it runs.
        attempt: 1 is the first.
        not_before: by the monotonic clock.
    """

    number: int
    cell: Cell
    attempt: int = 1
    not_before: float = 0.0


class Queue:
    """Runs that wait.

    Args:
        items: in the order in which they are to start.
    """

    def __init__(self, items: Collection[Item] = ()) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    def next(self, busy: Collection[str]) -> Item | None:
        """Take the first one that may start: of a client that is not busy, and has none before it that must wait."""
        behind = set(busy)
        for position, item in enumerate(self._items):
            client = item.cell.client
            if client not in behind and item.not_before <= time.monotonic():
                return self._items.pop(position)
            behind.add(client)
        return None

    def put_first(self, item: Item) -> None:
        """Before all others: what its client has to do later waits for it."""
        self._items.insert(0, item)

    def drop(self, which: Callable[[Item], bool] = lambda _: True) -> list[int]:
        """Take out those; the numbers of their rows."""
        out = [item for item in self._items if which(item)]
        self._items = [item for item in self._items if not which(item)]
        return sorted(item.number for item in out)
