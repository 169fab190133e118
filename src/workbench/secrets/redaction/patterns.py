"""What has the look of a secret: by the name of a key, and by the shape of a text.

Nothing under ``conf/`` may hold a secret; this is the second lock, for what comes in by ``--params``, by the address
of a server, or in the message of a foreign error, and of which this process does not know that it is one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

__all__ = ["REDACTED", "sounds_secret", "without_shapes"]

REDACTED = "[redacted]"

_WORDS = frozenset(
    {"apikey", "auth", "authorization", "credential", "credentials", "passphrase", "passwd", "password", "pwd"}
    | {"secret", "secrets", "token"}
)
_PAIRS = frozenset({"access key", "account key", "api key", "connection string", "private key", "signing key"})
_NAME = r"[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)[\w.-]*"
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_ASSIGNMENT = re.compile(rf"(?i)\b({_NAME})([\"']?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?[^\s,;&]+")


def without_shapes(text: str) -> str:
    """Replace ``user:password@`` in addresses, and what follows ``password=``, ``token:`` and their kind."""
    return _ASSIGNMENT.sub(rf"\1\2{REDACTED}", _USERINFO.sub(f"{REDACTED}@", text))


@lru_cache(maxsize=4096)
def sounds_secret(key: str) -> bool:
    """Whether a key names a secret; whole words count, so ``max_tokens`` and the ``key`` of a table do not."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key).replace("_", " ").replace("-", " ").replace(".", " ")
    parts = words.lower().split()
    return not _WORDS.isdisjoint(parts) or any(" ".join(pair) in _PAIRS for pair in pairwise(parts))
