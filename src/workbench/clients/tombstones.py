"""Who was forgotten: salted hashes of keys that must not come in again, in ``conf/clients/<client>/tombstones.json``.

The file is part of the client's configuration, so that it lies under version control and goes where the client goes.
Whoever holds it can try a key that they know already; it names nobody.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from workbench.errors import ConfigurationError
from workbench.files import write_text

__all__ = ["FILE", "Stone", "Tombstones", "read_tombstones", "write_tombstones"]

FILE = "tombstones.json"
BETWEEN = "\x1f"
"""Between the values of a key of several columns."""


@dataclass(frozen=True)
class Stone:
    """Keys that are to be dropped from one table, or from all that have these columns.

    Attributes:
        table: the table; None for every table.
        columns: the columns that make the key, as they are called here.
        whole_numbers: for each of them, whether 007 and 7 are the same.
        digests: sha256 over the salt and the values.
    """

    table: str | None
    columns: tuple[str, ...]
    whole_numbers: tuple[bool, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Tombstones:
    """All of a client's."""

    salt: str
    stones: tuple[Stone, ...] = ()

    def digest(self, values: Iterable[str]) -> str:
        """The digest of one key; the engine computes the same, see :mod:`workbench.sources.forgotten`."""
        return hashlib.sha256((self.salt + BETWEEN.join(values)).encode()).hexdigest()

    def with_stone(self, stone: Stone) -> Tombstones:
        """With another stone; its digests join those for the same columns."""
        same = [one for one in self.stones if (one.table, one.columns) == (stone.table, stone.columns)]
        digests = {*stone.digests, *(digest for one in same for digest in one.digests)}
        others = tuple(one for one in self.stones if one not in same)
        return replace(self, stones=(*others, replace(stone, digests=tuple(sorted(digests)))))


def read_tombstones(folder: Path) -> Tombstones | None:
    """The tombstones in a client's folder, or None.

    Raises:
        ConfigurationError: the file is damaged: nothing may come in before it is known who must not.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        stones = [
            Stone(one["table"], tuple(one["columns"]), tuple(one["whole_numbers"]), tuple(one["digests"]))
            for one in known["stones"]
        ]
        return Tombstones(str(known["salt"]), tuple(stones))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            "says who was forgotten, and cannot be read", where=str(path), hint="bring back the last whole version"
        ) from error


def write_tombstones(folder: Path, stones: Iterable[Stone], made: Tombstones | None) -> Tombstones:
    """Add stones to those that there are."""
    known = made or Tombstones(os.urandom(16).hex())
    for stone in stones:
        known = known.with_stone(stone)
    write_text(folder / FILE, json.dumps({"format": 1, **asdict(known)}, indent=1) + "\n")
    return known
