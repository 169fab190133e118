"""What a training leaves behind as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning import EpochReport
    from workbench.learning.candidates import Selection
    from workbench.learning.search import Search

__all__ = ["candidates_table", "history_table", "prediction_column", "tuning_table"]


def history_table(history: Sequence[EpochReport]) -> pa.Table:
    """One row an epoch.

    Returns:
        ``epoch``, ``train_loss``, ``validation_loss``, the watched score on the validation rows under its name if there
        is one, ``best`` (whether no epoch before was as good) and ``seconds`` since the start.
    """
    import pyarrow as pa

    watched = any(report.value is not None for report in history)
    rows = [
        {
            "epoch": report.epoch,
            "train_loss": report.train_loss,
            "validation_loss": report.validation_loss,
            **({report.metric: report.value} if watched else {}),
            "best": report.best,
            "seconds": round(report.seconds, 3),
        }
        for report in history
    ]
    return pa.Table.from_pylist(rows)


def candidates_table(found: Selection) -> pa.Table:
    """One row a model, the ensemble last.

    Returns:
        ``model``, ``metric`` and its ``value`` on the validation rows (null where it is undefined), ``seconds`` of its
        training, ``learned_rows`` of ``training_rows`` that it learned from, ``judged_rows`` of ``validation_rows``
        that decided when it stopped and that calibrated it, ``weight`` in the ensemble, and whether it was ``chosen``.
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            ("model", pa.string()),
            ("metric", pa.string()),
            ("value", pa.float64()),
            ("seconds", pa.float64()),
            ("learned_rows", pa.int64()),
            ("training_rows", pa.int64()),
            ("judged_rows", pa.int64()),
            ("validation_rows", pa.int64()),
            ("weight", pa.float64()),
            ("chosen", pa.bool_()),
        ]
    )
    rows = [
        {
            "model": kind,
            "metric": found.metric,
            "value": one.value if math.isfinite(one.value) else None,
            "seconds": round(one.seconds, 3),
            "learned_rows": one.rows,
            "training_rows": found.rows,
            "judged_rows": one.judged,
            "validation_rows": found.judged,
            "weight": one.weight,
            "chosen": kind == found.chosen,
        }
        for kind, one in found.contenders.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def tuning_table(found: Search | None) -> pa.Table:
    """One row a trial of a search for the network's settings; no row if there was none.

    Returns:
        ``trial``, ``state`` (complete, pruned, fail), ``validation_loss`` (the lowest), ``epochs``, ``seconds``,
        whether it is the ``best``, and what it tried.
    """
    import pyarrow as pa

    from workbench.learning.search.space import PARAMETERS

    schema = pa.schema(
        [
            ("trial", pa.int64()),
            ("state", pa.string()),
            ("validation_loss", pa.float64()),
            ("epochs", pa.int64()),
            ("seconds", pa.float64()),
            ("best", pa.bool_()),
            *((name, pa.float64()) for name in PARAMETERS),
        ]
    )
    rows = [
        {
            "trial": trial.number,
            "state": trial.state,
            "validation_loss": trial.value,
            "epochs": len(trial.losses),
            "seconds": trial.seconds,
            "best": trial.number == found.best,
            **{name: trial.setting.get(name) for name in PARAMETERS},
        }
        for trial in (found.trials if found else ())
    ]
    return pa.Table.from_pylist([{**row, **_floats(row, PARAMETERS)} for row in rows], schema=schema)


def _floats(row: dict[str, Any], names: Sequence[str]) -> dict[str, float | None]:
    return {name: None if row[name] is None else float(row[name]) for name in names}


def prediction_column(predicted: Any) -> Any:
    """Predictions as an Arrow array; class probabilities as lists of one length."""
    import pyarrow as pa

    if predicted.ndim == 1:
        return pa.array(predicted)
    return pa.FixedSizeListArray.from_arrays(pa.array(predicted.ravel()), predicted.shape[1])
