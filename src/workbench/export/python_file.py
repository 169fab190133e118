"""Python files for others to load: fixed code, and the facts as one literal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["filled"]


def filled(template: Path, placeholder: str, facts: Mapping[str, Any]) -> str:
    """The code of a template with facts in the place of a string literal.

    ``repr`` of the JSON text: whatever it holds, it is one string literal of Python, and no part of the code.
    """
    literal = repr(json.dumps(facts, ensure_ascii=True))
    return template.read_text(encoding="utf-8").replace(f"'@{placeholder}@'", literal)
