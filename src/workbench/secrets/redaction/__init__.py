"""Keeps secrets out of what is written: those that are known, and what has the look of one.

``redact`` and ``redact_text`` are for what is recorded (ledger, MLflow, messages), :class:`Secrets` for whole
documents, :func:`guarded` for a process's logs, output and tracebacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.secrets.redaction.guard import guarded
from workbench.secrets.redaction.known import Secrets, forget, known_secrets, remember, remember_credentials
from workbench.secrets.redaction.patterns import REDACTED, sounds_secret, without_shapes

__all__ = [
    "REDACTED",
    "Secrets",
    "forget",
    "guarded",
    "known_secrets",
    "redact",
    "redact_text",
    "remember",
    "remember_credentials",
]


def redact(value: Any) -> Any:
    """A copy of nested mappings and lists in which the values of secret keys are replaced, and texts are cleaned."""
    return _redacted(value, known_secrets())


def redact_text(text: str) -> str:
    """Replace known secrets, ``user:password@`` in addresses, and what follows ``password=`` and its kind."""
    return without_shapes(known_secrets().scrubbed(text))


def _redacted(value: Any, known: Secrets) -> Any:
    if isinstance(value, Mapping):
        return {
            (_redacted(key, known) if isinstance(key, str) else key): REDACTED
            if sounds_secret(str(key))
            else _redacted(item, known)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(item, known) for item in value]
    return without_shapes(known.scrubbed(value)) if isinstance(value, str) else value
