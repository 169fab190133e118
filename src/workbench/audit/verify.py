"""Whether the log is what was written: nothing changed, removed, inserted, put elsewhere, or cut from its end."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.audit.entry import Entry, Mark, decode, facts_digest, sha256_of
from workbench.audit.log import START, Lines, read_head

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True)
class Verdict:
    """What became of a check.

    Attributes:
        head: how far the log goes: its records, and the sha256 of the last.
        line: the first bad line of the file, from 1; None if all is well. One past the last: the end is missing.
        problem: what is wrong with it.
        torn: how many lines killed writers left unfinished; that is no fault.
        erased: records whose facts were erased with their client.
    """

    head: Mark
    line: int | None = None
    problem: str = ""
    torn: int = 0
    erased: int = 0

    @property
    def ok(self) -> bool:
        """Whether the log is whole."""
        return self.line is None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"ok": self.ok}


def verify(project: Path, anchors: Collection[Mark] = ()) -> Verdict:
    """Read all of it, and hold it against its head and against anchors.

    Args:
        project: the project's folder.
        anchors: places that earlier checks have seen, kept where the log's owner cannot write.
    """
    head = read_head(project)
    walk = _Walk({mark.count for mark in (*anchors, *([head] if head else []))})
    for number, line in Lines.of(project):
        problem = walk.step(number, line)
        if problem:
            return walk.verdict(*problem)
    return walk.verdict(*(walk.end(head, anchors) or (None, "")))


@dataclass
class _Walk:
    wanted: set[int]
    last: Mark = START
    at: int = 0
    rest: bytes = b""
    rest_at: int = 0
    torn: int = 0
    places: dict[int, tuple[str, int]] = field(default_factory=lambda: {0: (START.sha256, 1)})
    erased: dict[str, list[int]] = field(default_factory=dict)
    erasures: dict[str, int] = field(default_factory=dict)

    def verdict(self, line: int | None, problem: str) -> Verdict:
        return Verdict(self.last, line, problem, self.torn, sum(map(len, self.erased.values())))

    def step(self, number: int, line: bytes) -> tuple[int, str] | None:
        entry = decode(line)
        if entry is None:
            self.rest_at = self.rest_at or number
            self.rest += line + b"\n"
            return None
        problem = self._between(entry) or self._place(entry, number) or self._facts(entry, number)
        if problem:
            return problem
        self.last, self.at = Mark(entry.seq, sha256_of(entry)), number
        if entry.seq in self.wanted:
            self.places[entry.seq] = self.last.sha256, number
        return None

    def end(self, head: Mark | None, anchors: Collection[Mark]) -> tuple[int, str] | None:
        past = self.at + 1
        if head is None and self.last.count > 1:
            return past, "audit.head, which says how far the log goes, is missing or damaged"
        for client, lines in self.erased.items():
            unsaid = next((line for line in lines if line > self.erasures.get(client, 0)), None)
            if unsaid:
                return unsaid, f"its facts are gone, and no later record says that client {client} was erased"
        for what, mark in (("its head", head), *(("an anchor", anchor) for anchor in anchors)):
            if mark is None:
                continue
            if mark.count > self.last.count:
                return past, f"the end is missing: {what} has seen {mark.count} records, here are {self.last.count}"
            sha256, line = self.places[mark.count]
            if sha256 != mark.sha256:
                return line, f"record {mark.count} is not the one that {what} has seen"
        self.torn += bool(self.rest.strip(b"\n"))
        return None

    def _between(self, entry: Entry) -> tuple[int, str] | None:
        """Lines that are no records are a killed writer's, if the record after them says just that of them."""
        rest, at, self.rest, self.rest_at = self.rest, self.rest_at, b"", 0
        if rest.strip(b"\n"):
            said = entry.torn
            known = said and hashlib.sha256(rest[: said.count]).hexdigest() == said.sha256
            if not said or not known or rest[said.count :] not in {b"", b"\n"}:
                return at, "this is no record of the log as it was written"
            self.torn += 1
        return None

    def _place(self, entry: Entry, number: int) -> tuple[int, str] | None:
        if entry.seq != self.last.count + 1:
            return number, f"here should be record {self.last.count + 1}, and it is record {entry.seq}"
        if entry.before != self.last.sha256:
            changed = max(self.at, 1)
            return changed, f"record {self.last.count} is not the one after which record {entry.seq} was written"
        if entry.witness is not None:
            seen = entry.witness
            return number, (
                f"when this was written, the log was not what it had been: "
                f"{seen.count} records were known, {self.last.count} were there"
            )
        return None

    def _facts(self, entry: Entry, number: int) -> tuple[int, str] | None:
        if entry.action == "audit.erased" and entry.client:
            self.erasures[entry.client] = number
        if entry.facts is None or entry.salt is None:
            self.erased.setdefault(entry.client or "", []).append(number)
        elif facts_digest(entry.facts, entry.salt) != entry.facts_sha256:
            return number, f"the facts of record {entry.seq} are not those that were written"
        return None
