"""YAML that a person wrote, read safely, with the line of every key.

No tags, no aliases, bounded size and depth: an alias bomb of 230 bytes keeps OmegaConf busy for 19 s, so a file is
looked at here before anything else sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from workbench.errors import ConfigurationError

__all__ = ["Location", "YamlFile", "read_yaml"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_YAML = "tag:yaml.org,2002:"
_TAGS = {"null", "bool", "int", "float", "timestamp", "str", "seq", "map", "merge"}
_SHOWN_CHARACTERS = 40

Location = tuple[str | int, ...]


class YamlFile:
    """The content of one file and where each key stands.

    Attributes:
        path: the file.
        data: its content, as dicts, lists and scalars; ``{}`` if the file is empty.
    """

    def __init__(self, path: Path, data: dict[str, Any], lines: dict[Location, int]) -> None:
        self.path, self.data, self._lines = path, data, lines

    def line(self, location: Location) -> int:
        """The line (from 1) of a key such as ``("sources", "flights", "kind")``, or of its nearest ancestor."""
        while location and location not in self._lines:
            location = location[:-1]
        return self._lines.get(location, 1)

    def place(self, location: Location) -> str:
        """The file and that line: ``…/client.yml:12``."""
        return f"{self.path}:{self.line(location)}"

    def states(self, location: Location) -> bool:
        """Whether the file itself says that key."""
        return location in self._lines


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML mapping.

    Raises:
        ConfigurationError: the file is missing, too large, not UTF-8, not YAML, not a mapping, has an alias or a tag,
            says one key twice, or holds a date or a number that cannot be.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", where=str(path)) from error
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(f"has {len(raw):,} bytes, more than {MAX_BYTES:,}", where=str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"is not UTF-8 at byte {error.start}", where=str(path)) from error
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise _refused(path, _line(event), "an alias (*name) is not allowed; write the value out")
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        if node is None:
            return YamlFile(path, {}, {})
        lines: dict[Location, int] = {}
        _walk(node, (), lines, path)
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
        line = mark.line if mark else text[: getattr(error, "position", 0)].count("\n")
        raise _refused(path, line, str(problem)) from error
    if not isinstance(data, dict):
        raise ConfigurationError("is not a mapping of keys to values", where=str(path))
    return YamlFile(path, data, lines)


def _walk(node: yaml.Node, at: Location, lines: dict[Location, int], path: Path) -> None:
    if len(at) > MAX_DEPTH:
        raise _refused(path, node.start_mark.line, f"nested deeper than {MAX_DEPTH} levels")
    lines.setdefault(at, node.start_mark.line + 1)
    if node.tag.rpartition(":")[2] not in _TAGS or not node.tag.startswith(_YAML):
        shown = node.tag.replace(_YAML, "!!")[:80]
        raise _refused(path, node.start_mark.line, f"the tag {shown} is not allowed; write the value alone")
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float", ":timestamp")):
        _check_scalar(node, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(path, key.start_mark.line, "a key is a list or a mapping; a key is one word")
            here = (*at, key.value)
            if here in lines:
                raise _refused(path, key.start_mark.line, f"key '{key.value}' stands twice")
            lines[here] = key.start_mark.line + 1
            _walk(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _walk(value, (*at, position), lines, path)


def _check_scalar(node: yaml.ScalarNode, path: Path) -> None:
    """Dates such as 2024-02-30 look like one and are none; of numbers, Python reads 4,300 digits at most."""
    try:
        yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, OverflowError) as error:
        shown = node.value if len(node.value) <= _SHOWN_CHARACTERS else f"{node.value[:_SHOWN_CHARACTERS]}…"
        problem = f"'{shown}' cannot be read ({str(error).partition(';')[0]}); put it in quotes if it is text"
        raise _refused(path, node.start_mark.line, problem) from error


def _line(event: yaml.Event) -> int:
    return event.start_mark.line if event.start_mark else 0


def _refused(path: Path, line_from_zero: int, problem: str) -> ConfigurationError:
    return ConfigurationError(problem, where=f"{path}:{line_from_zero + 1}")
