"""Why a node runs again, in words that name what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.fingerprints.facts import Facts, Key

__all__ = ["Done", "outputs_differ", "why"]

SHOWN = 3
"""At most so many names in one reason."""


@dataclass(frozen=True)
class Done:
    """What is known of a node that has ended well.

    Attributes:
        fingerprint: see :attr:`workbench.fingerprints.facts.Facts.fingerprint`.
        facts: what it is the digest of, as :meth:`~workbench.fingerprints.facts.Facts.to_dict` gives it.
        outputs: dataset to digest of what was left on disk; None for what lies elsewhere.
    """

    fingerprint: str
    facts: Mapping[str, Any]
    outputs: Mapping[str, str | None]


def why(
    now: Facts, done: Done | None, files_of: Callable[[str], Mapping[str, str]], *, pending: Collection[str] = ()
) -> list[str]:
    """What has changed since a node was done; empty if nothing has.

    Args:
        now: the node's facts.
        done: the last time's; None if there was none.
        files_of: digest of code to its files and their digests; empty if that is not known any more.
        pending: inputs that nobody knows yet; they do not count.
    """
    if done is None:
        return [*_unseen(now, pending)] or ["it has not been done yet"]
    if done.fingerprint == now.fingerprint and not pending:
        return []
    return [*_unseen(now, pending), *_code(now, done, files_of), *_packages(now, done), *_inputs(now, done, pending)]


def outputs_differ(done: Done, found: Mapping[str, str | None], exists: Callable[[str], bool]) -> list[str]:
    """Which outputs are not there as the node left them."""
    reasons = []
    for name, digest in found.items():
        if digest is None and (done.outputs.get(name) is not None or not exists(name)):
            reasons.append(f"{name} is missing")
        elif digest != done.outputs.get(name):
            reasons.append(f"{name} was changed by somebody else")
    return reasons


def _unseen(now: Facts, pending: Collection[str]) -> Iterator[str]:
    for name, key in now.inputs.items():
        if key is None and name not in pending:
            yield f"whether {name} changed cannot be seen"


def _code(now: Facts, done: Done, files_of: Callable[[str], Mapping[str, str]]) -> Iterator[str]:
    if now.wiring != done.facts.get("wiring"):
        yield "its function, inputs or outputs have other names"
    before = str(done.facts.get("code"))
    if now.code.digest != before:
        changed = _changed(now.code.files, files_of(before))
        yield f"code changed: {changed}" if changed else "code changed"


def _packages(now: Facts, done: Done) -> Iterator[str]:
    before = done.facts.get("packages", {})
    for name in sorted({*now.packages, *before}):
        if now.packages.get(name) != before.get(name):
            yield f"package {name} {before.get(name, 'none')} → {now.packages.get(name, 'none')}"


def _inputs(now: Facts, done: Done, pending: Collection[str]) -> Iterator[str]:
    before: Mapping[str, Key] = done.facts.get("inputs", {})
    for name, key in now.inputs.items():
        if name not in pending and key is not None and key != before.get(name):
            changed = _changed(key, before.get(name) or {})
            shown = name.removeprefix("params:")
            yield f"{shown} changed: {changed}" if changed else f"{shown} changed"


def _changed(now: Mapping[str, str], before: Mapping[str, str]) -> str:
    """The names whose digests differ; empty if nothing is known of before, or the names say nothing."""
    names = sorted(name for name in {*now, *before} if now.get(name) != before.get(name) and name)
    if not names or not before:
        return ""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
