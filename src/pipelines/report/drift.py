"""The node that measures drift: what the model learned from, against the rows that came after."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipelines.report.parameters import DriftParameters, ReportParameters
from workbench.clients import Client
from workbench.engines import fetch
from workbench.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
else:
    # Kedro resolves the annotations of a node; this one would import too much.
    IbisTable = Any

__all__ = ["measure_drift"]

Drift = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]
"""The summary; each column's distances; the bins that they come from."""


def measure_drift(
    client: Client,
    features: IbisTable,
    predictions: IbisTable,
    feature_roles: dict[str, Any],
    report: ReportParameters,
) -> Drift:
    """Compare the training rows with the new ones: every feature, the answer, and the champion's prediction.

    The new rows are those of the test fold, or of the last days if ``report.drift.days`` is set. See
    :func:`workbench.drift.measure.drift_of`. Answer and features, which are of one table, are counted together. Of
    predictions, those of the validation rows are the reference, where the split is by key: of rows that it learned from
    a model is surer than of any others, and that would be taken for drift. Where it is by time, validation rows are of
    a season of their own, and the training rows are the reference all the same.

    Raises:
        ConfigurationError: days are set and the client has no time column.
        DataError: there is no row on one of the two sides.
    """
    from workbench.drift.measure import drift_of, drift_of_parts, worst_state

    roles, asked = feature_roles, report.drift
    sides = [_sides(client, table, roles, asked) for table in (features, predictions)]
    (before, now), (predicted_before, predicted_now) = sides
    if client.split.by == "key":
        predicted_before = predictions.filter(predictions[roles["fold"]] == "validation")
    spans = {"reference": _span(before, roles), "new": _span(now, roles)}
    for name, span in spans.items():
        if not span["rows"]:
            raise DataError(f"the {name} rows are none, so nothing can be compared", where=f"client {client.id}")
    answer = ([roles["target"]], []) if roles["task"] != "multiclass" else ([], [roles["target"]])
    scored = [name for name in ("probability", "prediction") if name in predictions.columns][:1]
    columns_of = {"answer": answer, "feature": (roles["numeric"], roles["categorical"])}
    parts = {
        "prediction": drift_of(predicted_before, predicted_now, scored, [], asked.limits()),
        **drift_of_parts(before, now, columns_of, asked.limits()),
    }
    columns = [{"role": role, **column} for role, part in parts.items() for column in part["columns"]]
    bins = [{"role": role, **one} for role, part in parts.items() for one in part["bins"]]
    of_features = parts["feature"]["columns"]
    summary = {
        "state": worst_state([*parts["prediction"]["columns"], *of_features]),
        "prediction": worst_state(parts["prediction"]["columns"]),
        "prediction_before": "validation" if client.split.by == "key" else "training",
        "answer": worst_state(parts["answer"]["columns"]),
        "features": len(of_features),
        "watched": sum(column["state"] == "watch" for column in of_features),
        "drifted": sum(column["state"] == "drift" for column in of_features),
        **spans,
        "limits": {"watch": asked.watch, "drift": asked.drift, "confidence": asked.confidence},
        "new_rows": f"last {asked.days} days" if asked.days else "test fold",
    }
    return summary, columns, bins


def _sides(
    client: Client, table: IbisTable, roles: dict[str, Any], asked: DriftParameters
) -> tuple[IbisTable, IbisTable]:
    fold, time = table[roles["fold"]], roles["time"]
    before = table.filter(fold == "train")
    if asked.days is None:
        return before, table.filter(fold == "test")
    if time is None:
        raise ConfigurationError(
            "report.drift.days is set, but the client has no time column",
            where=f"client {client.id}",
            hint="name one as `time_column` in client.yml, or leave `days` out",
        )
    newest = fetch(table.aggregate(newest=table[time].max()))[0]["newest"]
    if newest is None:
        return before, table.filter(fold == "test")
    return before, table.filter(table[time] > newest - timedelta(days=asked.days))


def _span(table: IbisTable, roles: dict[str, Any]) -> dict[str, Any]:
    measures: dict[str, Any] = {"rows": table.count()}
    if roles["time"]:
        moment = table[roles["time"]]
        measures |= {"first": moment.min().cast("string"), "last": moment.max().cast("string")}
    return {"first": None, "last": None} | fetch(table.aggregate(**measures))[0]
