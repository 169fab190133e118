"""One key of a client.yml that a person wrote, changed; every other byte, comments too, stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from workbench.errors import ConfigurationError

__all__ = ["with_key"]


def with_key(text: str, key: str, value: str | Mapping[str, object] | None, *, after: str, where: Path) -> str:
    """The text of a YAML mapping with another value for a top-level key.

    Args:
        text: as it is.
        key: at the top level.
        value: one word, a flat mapping, or None to take the key out.
        after: the key behind which a new one goes.
        where: the file, for the error.

    Raises:
        ConfigurationError: the text is written in a way that this cannot change without touching more.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    known = yaml.safe_load(text) or {}
    wanted = {name: said for name, said in known.items() if name != key}
    rows = [] if value is None else [f"{key}: {_written(value)}{end}"]
    if value is not None:
        wanted[key] = value if isinstance(value, str) else dict(value)
    span = _span(lines, key)
    if span is None:
        found = _span(lines, after)
        at = len(lines) if found is None else found[1]
        if at and not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += end
        span = (at, at)
    elif rows:
        rows[0] = rows[0].removesuffix(end) + _comment(lines[span[0] : span[1]]) + end
    changed = "".join([*lines[: span[0]], *rows, *lines[span[1] :]])
    if _read(changed) != wanted:
        raise ConfigurationError(
            f"'{key}' stands there in a way that only a person can change",
            where=str(where),
            hint=f"write `{key}: {'…' if value is None else _written(value)}` on a line of its own",
        )
    return changed


def _read(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _written(value: str | Mapping[str, object]) -> str:
    if isinstance(value, str):
        return value
    return str(yaml.safe_dump(dict(value), default_flow_style=True, sort_keys=False, width=1_000_000)).strip()


def _span(lines: list[str], key: str) -> tuple[int, int] | None:
    """The lines of a top-level key and its value: from the key's own to the last one that is indented."""
    for start, line in enumerate(lines):
        if line.startswith((f"{key}:", f'"{key}":', f"'{key}':")):
            stop = start + 1
            while stop < len(lines) and (not lines[stop].strip() or lines[stop][0] in " \t-"):
                stop += 1
            while stop > start + 1 and not lines[stop - 1].strip():
                stop -= 1
            return start, stop
    return None


def _comment(lines: list[str]) -> str:
    """What a person wrote behind a value that stands on one line."""
    if len(lines) != 1 or " #" not in lines[0] or any(mark in lines[0] for mark in "\"'"):
        return ""
    return "  " + lines[0][lines[0].index(" #") :].strip()
