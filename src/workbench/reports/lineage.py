"""Where a version comes from, as the registry knows it: code, configuration, and the digest of each table."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

__all__ = ["lineage_of"]

logger = logging.getLogger(__name__)

_MADE_FROM_IT = frozenset({"predictions"})
"""What no version comes from: a champion makes it, and a report of the run that trained the champion reads it."""


def lineage_of(project: Path, verdict: dict[str, Any]) -> dict[str, Any]:
    """What a report says about the origin of the version that a verdict is about.

    A store that cannot be reached, or no longer has the run, costs the report its details, not its existence.

    Returns:
        ``model``, ``version``, ``run_id``, ``sha256``; and, if the store has the run, ``commit``, ``dirty``,
        ``code_version``, ``config_sha256`` and ``tables`` (``name``, ``rows``, ``sha256`` of each that was read).
    """
    known = {"model": verdict["client"], **{key: verdict[key] for key in ("version", "run_id", "sha256")}}
    try:
        return known | _from_store(project, verdict["run_id"])
    except WorkbenchError as error:
        logger.warning("the report goes without the origin of version %s: %s", verdict["version"], error)
        return known


def _from_store(project: Path, run_id: str) -> dict[str, Any]:
    from workbench.registry.store import open_store, translated

    store = open_store(project)
    with translated(store.uri):
        run = store.api.get_run(run_id)
    tags = run.data.tags
    tables = {one.dataset.name: _table(one.dataset) for one in (run.inputs.dataset_inputs if run.inputs else ())}
    return {
        "commit": tags.get("git_commit", ""),
        "dirty": tags.get("git_dirty") == "true",
        "code_version": tags.get("code_version", ""),
        "config_sha256": tags.get("config_sha256", ""),
        "tables": [tables[name] for name in sorted(tables.keys() - _MADE_FROM_IT)],
    }


def _table(dataset: Any) -> dict[str, Any]:
    source, profile = json.loads(dataset.source), json.loads(dataset.profile or "{}")
    return {"name": dataset.name, "rows": profile.get("num_rows"), "sha256": source.get("sha256", dataset.digest)}
