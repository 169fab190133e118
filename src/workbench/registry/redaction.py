"""Keep secrets out of what is recorded: by the name of a key, and by the shape of a text.

Nothing under ``conf/`` may hold a secret; this is the second lock, for what comes in by ``--params``, by the address
of a server, or in the message of a foreign error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

__all__ = ["REDACTED", "redact", "redact_text"]

REDACTED = "[redacted]"

_WORDS = frozenset(
    {"apikey", "auth", "authorization", "credential", "credentials", "passphrase", "passwd", "password", "pwd"}
    | {"secret", "secrets", "token"}
)
_PAIRS = frozenset({"access key", "account key", "api key", "connection string", "private key", "signing key"})
_NAME = r"[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)[\w.-]*"
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_ASSIGNMENT = re.compile(rf"(?i)\b({_NAME})([\"']?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?[^\s,;&]+")


def redact(value: Any) -> Any:
    """A copy of nested mappings and lists in which the values of secret keys are replaced, and texts are cleaned."""
    if isinstance(value, Mapping):
        return {key: REDACTED if _is_secret(str(key)) else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """Replace ``user:password@`` in addresses, and what follows ``password=``, ``token:`` and their kind."""
    return _ASSIGNMENT.sub(rf"\1\2{REDACTED}", _USERINFO.sub(f"{REDACTED}@", text))


def _is_secret(key: str) -> bool:
    """Whether a key names a secret; whole words count, so ``max_tokens`` and the ``key`` of a table do not."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key).replace("_", " ").replace("-", " ").replace(".", " ")
    parts = words.lower().split()
    return not _WORDS.isdisjoint(parts) or any(" ".join(pair) in _PAIRS for pair in pairwise(parts))
