"""What the evaluation found, as artifacts and metrics of the run that trained the model: the folder ``evaluation``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.registry.plots import calibration, importance, parallel_coordinates
from workbench.registry.promises import attach_baseline
from workbench.registry.runs import log_metrics
from workbench.registry.store import Store, translated
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Evidence", "attach", "attach_search"]


@dataclass(frozen=True)
class Evidence:
    """The outputs of the pipeline ``evaluate``, and what later rows are held against.

    Attributes:
        baseline: of the training rows, as JSON; see :mod:`workbench.monitoring.baseline`. None: nothing is kept.
        digests: of the keys that the model knows; None where a moment says it all.
    """

    evaluation: Mapping[str, Any]
    metrics: Mapping[str, float]
    calibration: pa.Table
    segments: pa.Table
    importance: pa.Table
    baseline: Mapping[str, Any] | None = None
    digests: pa.Table | None = None


def attach(store: Store, run_id: str, evidence: Evidence) -> None:
    """Attach the evidence to a run; a second time changes nothing but the files' dates."""
    from pyarrow import csv

    with translated(store.uri):
        known = store.api.get_run(run_id).data.metrics
    new = {name: value for name, value in evidence.metrics.items() if known.get(name) != value}
    if new:
        log_metrics(store, run_id, new)
    with private_folder("evidence") as temporary:
        folder = Path(temporary)
        text = json.dumps(evidence.evaluation, indent=2, ensure_ascii=False)
        (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
        for name in ("calibration", "segments", "importance"):
            csv.write_csv(getattr(evidence, name), folder / f"{name}.csv")
        calibration(evidence.calibration, folder / "calibration.svg")
        importance(evidence.importance, folder / "importance.svg")
        with translated(store.uri):
            store.api.log_artifacts(run_id, str(folder), "evaluation")
    if evidence.baseline is not None:
        attach_baseline(store, run_id, evidence.baseline, evidence.digests)


def attach_search(store: Store, run_id: str, trials: pa.Table) -> None:
    """Attach a plot of a search for settings to the run that made it: ``tuning/parallel_coordinates.svg``.

    Args:
        store: the opened store.
        run_id: the training's.
        trials: as the dataset ``tuning`` holds them; of fewer than two that had a loss there is nothing to see.
    """
    if sum(value is not None for value in trials.column("validation_loss").to_pylist()) < 2:
        return
    with private_folder("tuning") as temporary:
        path = Path(temporary) / "parallel_coordinates.svg"
        parallel_coordinates(trials, path)
        with translated(store.uri):
            store.api.log_artifact(run_id, str(path), "tuning")
