"""The champion's metric on rows that it did not know, with what chance makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Asked", "measure_performance"]


@dataclass(frozen=True)
class Asked:
    """How the metric is measured.

    Attributes:
        rows: that are predicted at most; of more, a fair sample.
        resamples: of the bootstrap.
        confidence: of the interval.
        seed: of the resamples.
    """

    rows: int = 50_000
    resamples: int = 200
    confidence: float = 0.95
    seed: int = 17


def measure_performance(
    task: str, metric: str, truth: npt.NDArray[Any], output: npt.NDArray[Any], asked: Asked
) -> dict[str, Any]:
    """The metric with its interval (percentile bootstrap, :mod:`workbench.learning.metrics.bootstrap`).

    Args:
        task: binary, multiclass or regression.
        metric: its name.
        truth: labels as numbers, ``(rows,)``.
        output: what the model gave out, row by row.
        asked: resamples and confidence.

    Returns:
        ``metric``, ``rows``, ``value``, ``low`` and ``high``, which are None where the metric is undefined, as the area
        under a curve is among rows of one class.
    """
    from workbench.learning import metrics

    found = metrics.intervals(
        task, truth, output, resamples=asked.resamples, confidence=asked.confidence, seed=asked.seed
    )
    return {"metric": metric, "rows": len(truth), **found[metric].to_dict()}
