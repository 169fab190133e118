"""What came since the champion was trained: how many rows, how far they have moved, how well it predicts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.drift.measure import Limits, drift_since
from workbench.drift.reference import Reference
from workbench.engines import fetch
from workbench.monitoring.arrow_tables import as_lazy
from workbench.monitoring.baseline import Baseline, predicted
from workbench.monitoring.known import sample
from workbench.monitoring.performance import Asked, measure_performance
from workbench.registry.holdout import Features

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.learning import TabularModel

__all__ = ["Watched", "drift_rows", "measure_new_rows"]


@dataclass(frozen=True)
class Watched:
    """The champion, and what it was registered with.

    Attributes:
        client: whose it is.
        model: loaded.
        metric: what its promise is about; None if the version does not say.
        baseline: None if there is none.
        digests: of the keys that it knows.
        problem: why there is no baseline.
    """

    client: str
    model: TabularModel
    metric: str | None
    baseline: Baseline | None
    digests: pa.Table | None
    problem: str = ""


def measure_new_rows(
    watched: Watched, features: ir.Table, roles: Mapping[str, Any], limits: Limits, asked: Asked
) -> dict[str, Any]:
    """Find the new rows and measure them; the rows stay in the engine, but for those that are predicted.

    Args:
        watched: the champion.
        features: those of today, all folds; each row has a label.
        roles: ``feature_roles``.
        limits: what counts as drift.
        asked: how the metric is measured.

    Returns:
        JSON. ``rows``, ``first`` and ``last`` (text, None without a time column), ``newest`` (of all rows),
        ``unlabelled`` (rows that wait for their label; they are no features yet), ``columns`` (each with ``role``, see
        :func:`workbench.drift.measure.drift_of`), ``performance`` (None if not measured), ``unfit`` (why the champion
        cannot predict these features), ``problem`` (why nothing else was measured), ``predicted`` (rows).
    """
    found: dict[str, Any] = {
        "rows": None,
        "first": None,
        "last": None,
        "newest": _span(features, roles)["last"],
        "unlabelled": roles.get("unlabelled_rows", 0),
        "columns": [],
        "performance": None,
        "predicted": 0,
        "unfit": Features(features, roles).cannot_be_predicted_by(watched.model.columns),
        "problem": watched.problem,
    }
    baseline = watched.baseline
    if baseline is None:
        return found
    new = baseline.known.new(features, roles, watched.client, watched.digests)
    if new is None:
        return found | {"problem": "which rows it knows cannot be told: the client's time column is another one now"}
    span = _span(new, roles)
    found |= {"rows": span["rows"], "first": span["first"], "last": span["last"]}
    if not span["rows"]:
        return found
    found["columns"] = drift_rows({"feature": baseline.features, "answer": baseline.answer}, new, limits)
    if found["unfit"]:
        return found
    part = sample(new, roles, span["rows"], asked.rows)
    said, performance = _predict(watched, part, roles, asked)
    return found | {
        "predicted": said.num_rows,
        "performance": performance,
        "columns": [*found["columns"], *drift_rows({"prediction": baseline.prediction}, as_lazy(said), limits)],
    }


def drift_rows(references: Mapping[str, Sequence[Reference]], now: ir.Table, limits: Limits) -> list[dict[str, Any]]:
    """How far the columns of each role have moved, the furthest first; those that the rows do not have are left out."""
    found = []
    for role, columns in references.items():
        there = [one for one in columns if one.name in now.columns]
        if there:
            found += [{"role": role, **column} for column in drift_since(there, now, limits)["columns"]]
    return found


def _predict(
    watched: Watched, part: ir.Table, roles: Mapping[str, Any], asked: Asked
) -> tuple[pa.Table, dict[str, Any] | None]:
    """What the champion says of the rows, and how right it is."""
    import numpy as np
    import pyarrow as pa

    from workbench.learning.encoding.target import labels
    from workbench.registry.predictions import BATCH_ROWS, prediction_columns

    columns, truth, outputs, tables = watched.model.columns, [], [], []
    for batch in part.select(*columns.features, columns.target).to_pyarrow_batches(chunk_size=BATCH_ROWS):
        rows = pa.Table.from_batches([batch])
        if not rows.num_rows:
            continue
        output = watched.model.predict(rows)
        truth.append(labels(rows, columns))
        outputs.append(output)
        tables.append(pa.table(prediction_columns(columns, output)))
    if not tables:
        return predicted(watched.model, part.limit(0)), None
    if watched.metric is None:
        return pa.concat_tables(tables), None
    measured = measure_performance(columns.task, watched.metric, np.concatenate(truth), np.concatenate(outputs), asked)
    return pa.concat_tables(tables), measured


def _span(table: ir.Table, roles: Mapping[str, Any]) -> dict[str, Any]:
    measures: dict[str, Any] = {"rows": table.count()}
    if roles["time"]:
        moment = table[roles["time"]]
        measures |= {"first": moment.min().cast("string"), "last": moment.max().cast("string")}
    found: dict[str, Any] = {"first": None, "last": None} | fetch(table.aggregate(**measures))[0]
    return found
