"""Parameters and typed configuration, setting by setting, so that a change can be named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["digest_of", "leaves"]


def leaves(value: Any, prefix: str = "") -> dict[str, str]:
    """Dotted name to digest of each setting of a nested value; the values themselves cannot be read from it.

    Args:
        value: mappings, lists and scalars, or a pydantic model.
        prefix: what the names begin with; the name itself of a value that is no mapping.
    """
    return {name: digest_of(leaf) for name, leaf in _walk(value, prefix)}


def digest_of(value: Any) -> str:
    """16 hexadecimal digits of the sha256 of a value as JSON with sorted keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _walk(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _walk(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
