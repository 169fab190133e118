"""Nodes of the pipeline ``monitor``: what is measured by the engine, and what is concluded from it.

The clock, the registry and the prediction log are datasets, so that the nodes are functions of what they are given.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.monitor.freshness import expected_of
from pipelines.monitor.parameters import MonitorParameters
from workbench.clients import Client

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable

    from workbench.datasets.prediction_log import PredictionLogFile
    from workbench.registry.models import Champion
    from workbench.registry.promises import Promise
else:
    # Kedro resolves the annotations of a node, to find the model of its parameters; these would import too much.
    ArrowTable = Champion = IbisTable = PredictionLogFile = Promise = Any

__all__ = ["conclude", "mark_champion", "measure_new_rows", "measure_served"]


def measure_new_rows(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    champion: Champion,
    promise: Promise,
    features: IbisTable,
    feature_roles: dict[str, Any],
    monitor: MonitorParameters,
) -> dict[str, Any]:
    """Rows that the champion did not know: how far they have moved, how well it predicts them.

    See :func:`workbench.monitoring.new_rows.measure_new_rows`.
    """
    from workbench.monitoring import new_rows

    baseline, problem = _baseline(promise)
    watched = new_rows.Watched(client.id, champion.model, promise.metric, baseline, promise.digests, problem)
    return new_rows.measure_new_rows(watched, features, feature_roles, monitor.limits(), monitor.asked())


def measure_served(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    champion: Champion,
    promise: Promise,
    prediction_log: PredictionLogFile,
    clock: datetime,
    monitor: MonitorParameters,
) -> dict[str, Any]:
    """What was served: see :func:`workbench.monitoring.served.measure_served`."""
    from workbench.monitoring import served
    from workbench.monitoring.log_table import Asked, served_rows

    asked = Asked(client.id, champion.model.columns, clock, monitor.served.days)
    with served_rows(prediction_log.path, asked) as rows:
        return served.measure_served(rows, champion.version, _baseline(promise)[0], monitor.limits())


def conclude(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    promise: Promise,
    ingest_summary: dict[str, Any],
    new_rows: dict[str, Any],
    served: dict[str, Any],
    clock: datetime,
    monitor: MonitorParameters,
) -> tuple[dict[str, Any], ArrowTable, dict[str, float]]:
    """Judge all measures.

    Returns:
        The verdict (see :func:`workbench.monitoring.verdict.verdict_of`); all measures, a row each: ``part``,
        ``measure``, ``column``, ``value``, ``threshold``, ``level``, ``sentence``; the numbers for MLflow.
    """
    import pyarrow as pa

    from workbench.monitoring import verdict
    from workbench.monitoring.judging import Promised

    measured = verdict.Measured(
        promised=Promised(promise.version, promise.value, promise.margin),
        new_rows=new_rows,
        served=served,
        tables=ingest_summary["tables"],
        expected=expected_of(client, monitor.quality.newest_days, clock),
        now=clock,
    )
    findings, notes = verdict.findings_of(measured, monitor.rules())
    said = {"client": client.id, **verdict.verdict_of(measured, findings, notes)}
    kinds = {"value": pa.float64(), "threshold": pa.float64()}
    names = ("part", "measure", "column", "value", "threshold", "level", "sentence")
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    return said, pa.Table.from_pylist([one.to_dict() for one in findings], schema=schema), verdict.flat(said, findings)


def mark_champion(verdict: dict[str, Any], monitor: MonitorParameters) -> dict[str, Any]:
    """What is to be marked, for the dataset that does it: ``version``, and ``why``, which is empty if nothing is."""
    if not monitor.mark or verdict["verdict"] != "retrain":
        return {"version": verdict["version"], "why": ""}
    reason = next(one["sentence"] for one in verdict["reasons"] if one["level"] == "retrain")
    return {"version": verdict["version"], "why": f"{reason.rstrip('.')} (monitor, {verdict['made'][:10]})"}


def _baseline(promise: Promise) -> tuple[Any, str]:
    """The baseline; None if there is none that this code can read, and why."""
    from workbench.monitoring.baseline import Baseline

    if promise.baseline is None:
        return None, promise.problem
    try:
        return Baseline.from_dict(promise.baseline), ""
    except (KeyError, TypeError, ValueError) as error:
        return None, f"that of version {promise.version} is none that this code can read ({type(error).__name__})"
