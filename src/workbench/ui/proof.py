"""What a client's last results were made of, as the pipelines wrote it down beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Proof", "Table", "proof_of"]

LONGEST = 8 * 2**20


@dataclass(frozen=True)
class Table:
    """A table as it came in.

    Attributes:
        files: name and sha256 of each file that it was read from.
    """

    name: str
    kept: int | None
    refused: int | None
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Proof:
    """Digests and the gate's last word; what is not known is empty."""

    tables: tuple[Table, ...] = ()
    model_digest: str = ""
    decision: str = ""
    reasons: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()


def proof_of(project: Path, client: str) -> Proof:
    """Read it from the client's reporting folder. A file that is broken or not there says nothing."""
    folder = project / "data" / client / "08_reporting"
    ingest, verdict, evaluation = (_read(folder / f"{name}.json") for name in ("ingest", "verdict", "evaluation"))
    return Proof(
        tables=tuple(_table(str(name), _mapping(about)) for name, about in _mapping(ingest.get("tables")).items()),
        model_digest=_text(verdict.get("sha256")),
        decision=_text(verdict.get("decision")),
        reasons=tuple(str(one) for one in _list(verdict.get("reasons"))),
        scores=_scores(evaluation),
    )


def _table(name: str, about: Mapping[str, Any]) -> Table:
    files = [_mapping(one) for one in _list(_mapping(about.get("source")).get("files"))]
    return Table(
        name,
        _count(about.get("kept")),
        _count(about.get("quarantined")),
        tuple((_text(one.get("name")), _text(one.get("sha256"))) for one in files),
    )


def _scores(evaluation: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    models = _mapping(evaluation.get("models"))
    candidate = _mapping(models.get(_text(evaluation.get("candidate")) or "network"))
    found = ((str(name), _mapping(score).get("value")) for name, score in candidate.items())
    return tuple((name, float(value)) for name, value in found if isinstance(value, int | float))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LONGEST:
            return {}
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
