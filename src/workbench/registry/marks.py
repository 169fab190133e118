"""The mark of a version that is to be trained again: what it says, since when, and what takes it away.

A mark is two tags: ``retrain`` has the reason, ``retrain_since`` the moment, UTC. Only a training that began after that
moment and came out as this very model takes it away. Whoever registers the model again without having trained it, from
a folder that lay there, has answered nothing that the mark asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.registry.store import Store, translated

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["RETRAIN", "SINCE", "inherited", "mark_tags", "outlives", "relieve"]

RETRAIN = "retrain"
"""The tag with the reason: rows that the version learned from were erased, or ``monitor`` found that it has decayed."""
SINCE = "retrain_since"


def mark_tags(why: str) -> dict[str, str]:
    """The tags of a mark that is put on now."""
    return {RETRAIN: why, SINCE: datetime.now(UTC).isoformat(timespec="milliseconds")}


def outlives(tags: Mapping[str, str], trained: datetime | None) -> bool:
    """Whether a version is marked, and stays so.

    Args:
        tags: the version's.
        trained: when the newest training that came out as this model began; None if no run says so, as in a notebook.
    """
    if RETRAIN not in tags:
        return False
    since = _moment(tags.get(SINCE, ""))
    # Nobody knows since when a person has marked it by hand, so nobody can say that a training came after it.
    return since is None or trained is None or trained <= since


def relieve(store: Store, version: ModelVersion, trained: datetime | None) -> None:
    """Take the mark away if it was trained again since and came out the same: what was erased or came left no trace."""
    if RETRAIN not in version.tags or outlives(version.tags, trained):
        return
    with translated(store.uri):
        # The moment last: killed in between, nothing is left that could be read as a mark of no known age.
        for tag in (RETRAIN, SINCE):
            if tag in version.tags:
                store.api.delete_model_version_tag(version.name, version.version, tag)


def inherited(versions: Iterable[ModelVersion], trained: datetime | None) -> dict[str, str]:
    """The mark that a new version begins with: the youngest one of the versions that are the same model.

    Args:
        versions: those with the same sha256, which could not be read any more.
        trained: see :func:`outlives`.
    """
    marks = [version.tags for version in versions if outlives(version.tags, trained)]
    if not marks:
        return {}
    youngest = max(marks, key=lambda tags: tags.get(SINCE, ""))
    return {tag: youngest[tag] for tag in (RETRAIN, SINCE) if tag in youngest}


def _moment(text: str) -> datetime | None:
    found = None
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
    return found if found is not None and found.tzinfo is not None else None
