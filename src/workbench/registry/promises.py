"""What a version was registered with, for whoever looks at it later: its metric, and the rows that it learned from.

The baseline (:mod:`workbench.monitoring.baseline`) lies with the run that trained the version, in the folder
``baseline``. It is written once: a later registration of the same model may see other rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.registry.models import CHAMPION, HOLDOUT, find
from workbench.registry.store import Store, open_store, translated
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Promise", "attach_baseline", "promise"]

FOLDER, RECORD, DIGESTS = "baseline", "baseline.json", "known.parquet"


@dataclass(frozen=True)
class Promise:
    """What the champion was registered with.

    Attributes:
        metric: the primary metric of that day; None if the version does not say.
        value: on the rows that the gate looked at.
        margin: of the gate.
        baseline: as JSON; None if there is none.
        digests: of the keys that it knows; see :mod:`workbench.monitoring.known`.
        problem: why there is no baseline; empty if there is one.
    """

    client: str
    version: int
    registered: datetime
    metric: str | None
    value: float | None
    margin: float
    baseline: dict[str, Any] | None
    digests: pa.Table | None
    problem: str = ""


def attach_baseline(store: Store, run_id: str, baseline: Mapping[str, Any], digests: pa.Table | None) -> None:
    """Attach a baseline to the run that trained a version, unless it has one."""
    import pyarrow.parquet as pq

    with translated(store.uri):
        if any(one.path == f"{FOLDER}/{RECORD}" for one in store.api.list_artifacts(run_id, FOLDER)):
            return
    with private_folder("baseline") as temporary:
        folder = Path(temporary)
        # The record last: who finds it finds all.
        if digests is not None:
            pq.write_table(digests, folder / DIGESTS, compression="zstd")
        (folder / RECORD).write_text(json.dumps(baseline, allow_nan=False) + "\n", encoding="utf-8")
        with translated(store.uri):
            for name in (DIGESTS, RECORD):
                if (folder / name).exists():
                    store.api.log_artifact(run_id, str(folder / name), FOLDER)


def promise(client_id: str, project: Path | None = None) -> Promise:
    """What the champion of a client was registered with.

    Raises:
        ModelError: there is no champion.
    """
    store = open_store(project)
    found = find(store, client_id, CHAMPION)
    if found is None:
        raise ModelError(
            f"client {client_id} has no champion, so there is nothing to watch over",
            tried=f"alias '{CHAMPION}' of model '{client_id}' in {store.shown}",
            hint=f"train and register one with `kedro run --env clients/{client_id}`",
        )
    metric = next((name for name in found.tags if name.startswith(HOLDOUT)), None)
    baseline, digests, problem = _baseline(store, found)
    return Promise(
        client=client_id,
        version=int(found.version),
        registered=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        metric=metric.removeprefix(HOLDOUT) if metric else None,
        value=_number(found.tags.get(metric)) if metric else None,
        margin=_number(found.tags.get("margin")) or 0.0,
        baseline=baseline,
        digests=digests,
        problem=problem,
    )


def _baseline(store: Store, version: ModelVersion) -> tuple[dict[str, Any] | None, pa.Table | None, str]:
    import mlflow.artifacts
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not version.run_id:
        return None, None, f"version {version.version} belongs to no run"
    with translated(store.uri):
        root = store.api.get_run(version.run_id).info.artifact_uri
        store.refuse_anothers_artifact(version.name, root)
        names = {one.path for one in store.api.list_artifacts(version.run_id, FOLDER)}
    if f"{FOLDER}/{RECORD}" not in names:
        return None, None, f"version {version.version} has none: it was registered before there were any, or erased"
    try:
        with private_folder("baseline") as temporary:
            local = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{root}/{FOLDER}", dst_path=temporary))
            record = json.loads((local / RECORD).read_text(encoding="utf-8"))
            digests = pq.read_table(local / DIGESTS) if (local / DIGESTS).exists() else None
    except (OSError, ValueError, pa.ArrowException) as error:
        return None, None, f"that of version {version.version} cannot be read ({type(error).__name__})"
    if not isinstance(record, dict) or record.get("client") != version.name:
        return None, None, f"that of version {version.version} is not this client's"
    return record, digests, ""


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
