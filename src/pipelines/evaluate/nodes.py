"""The nodes of ``evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.evaluate import checks
from pipelines.evaluate.holdout import MODELS, Holdout
from pipelines.evaluate.parameters import EvaluateParameters
from pipelines.train.folds import feature_columns, read_fold
from workbench.clients import Client
from workbench.learning import TabularModel

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable
else:
    # Kedro resolves the annotations of a node, to find the model of `params:evaluate`; these would import too much.
    ArrowTable = IbisTable = Any

__all__ = ["evaluate_models", "measure_importance"]


def evaluate_models(
    client: Client, holdout_predictions: IbisTable, feature_roles: dict[str, Any], parameters: EvaluateParameters
) -> tuple[dict[str, Any], dict[str, float], ArrowTable, ArrowTable]:
    """Score the network and both baselines on the test rows.

    Returns:
        The evaluation (scores with intervals, checks with reasons, calibration error); its scores, flat, as
        ``<model>.<score>``; the calibration bins; the network's scores by segment and protected group. An undefined
        number is None, never NaN.
    """
    from workbench.learning import metrics

    holdout = Holdout.of(holdout_predictions.to_pyarrow(), feature_roles)
    models = {
        model: {
            name: interval.to_dict()
            for name, interval in metrics.intervals(
                holdout.task,
                holdout.labels,
                holdout.predictions[model],
                resamples=parameters.bootstrap,
                confidence=parameters.confidence,
                seed=parameters.seed,
            ).items()
        }
        for model in MODELS
    }
    primary = client.metric.name
    bins = metrics.calibration_bins(
        holdout.task, holdout.labels, holdout.predictions["network"], bins=parameters.calibration_bins
    )
    error = metrics.expected_error(bins)
    groups = _groups(holdout, feature_roles, "network", parameters.fewest_group_rows)
    found = {
        "beats_majority": checks.beats_majority(primary, models["network"][primary], models["majority"][primary]),
        "calibrated": _calibrated(holdout, error, parameters),
        "enough_test_rows": checks.enough_test_rows(holdout.rows, parameters.fewest_test_rows),
        "protected_groups_served": _protected(holdout, feature_roles, groups, primary, parameters),
    }
    evaluation = {
        "task": holdout.task,
        "primary": primary,
        "rows": holdout.rows,
        **holdout.facts(feature_roles["classes"]),
        "confidence": parameters.confidence,
        "models": models,
        "checks": {name: check.passed for name, check in found.items()},
        "check_reasons": {name: check.reason for name, check in found.items()},
        "expected_calibration_error": error,
    }
    flat = {
        f"{model}.{name}": score["value"]
        for model, scores in models.items()
        for name, score in scores.items()
        if score["value"] is not None
    }
    return evaluation, flat, _calibration_table(bins), _segments_table(groups, holdout.task)


def measure_importance(
    client: Client,
    candidate: TabularModel,
    features: IbisTable,
    feature_roles: dict[str, Any],
    parameters: EvaluateParameters,
) -> ArrowTable:
    """What the primary metric loses when a column of the test rows is shuffled.

    Returns:
        ``feature``, ``importance`` and ``std``, the most important first; no row if the metric is undefined.
    """
    import pyarrow as pa

    from workbench.learning.importance import permutation

    found = permutation(
        candidate.predict,
        read_fold(features, feature_roles, "test", feature_columns(feature_roles)),
        candidate.columns,
        client.metric.name,
        rows=parameters.importance_rows,
        repeats=parameters.importance_repeats,
        seed=parameters.seed,
    )
    schema = pa.schema([("feature", pa.string()), ("importance", pa.float64()), ("std", pa.float64())])
    return pa.Table.from_pylist([item.to_dict() for item in found], schema=schema)


def _groups(holdout: Holdout, roles: dict[str, Any], model: str, fewest: int) -> list[dict[str, Any]]:
    """A record for each group of each segment and protected column: ``column``, ``protected`` and its scores."""
    from workbench.learning import metrics

    return [
        {"column": column, "protected": column in roles["protected"], **group.to_dict()}
        for column in dict.fromkeys([*roles["segments"], *roles["protected"]])
        for group in metrics.by_group(
            holdout.task,
            holdout.labels,
            holdout.predictions[model],
            metrics.group_names(holdout.table[column]),
            fewest=fewest,
        )
    ]


def _protected(
    holdout: Holdout,
    roles: dict[str, Any],
    groups: list[dict[str, Any]],
    primary: str,
    parameters: EvaluateParameters,
) -> checks.Check:
    guesses = _groups(holdout, roles, "majority", parameters.fewest_group_rows)
    own, plain = ([group for group in found if group["protected"]] for found in (groups, guesses))
    return checks.protected_groups_served(primary, own, plain)


def _calibrated(holdout: Holdout, error: float, parameters: EvaluateParameters) -> checks.Check:
    from workbench.learning import metrics

    chance = metrics.chance_level(
        holdout.task,
        holdout.labels,
        holdout.predictions["network"],
        bins=parameters.calibration_bins,
        seed=parameters.seed,
    )
    unit = float(holdout.labels.std()) if holdout.task == "regression" else 1.0
    return checks.calibrated(error, parameters.calibration_limit * unit, chance)


def _calibration_table(bins: list[Any]) -> ArrowTable:
    import pyarrow as pa

    schema = pa.schema([("predicted", pa.float64()), ("observed", pa.float64()), ("rows", pa.int64())])
    return pa.Table.from_pylist([item.to_dict() for item in bins], schema=schema)


def _segments_table(groups: list[dict[str, Any]], task: str) -> ArrowTable:
    import pyarrow as pa

    from workbench.learning.metrics import METRICS

    schema = pa.schema(
        [
            ("column", pa.string()),
            ("protected", pa.bool_()),
            ("value", pa.string()),
            ("rows", pa.int64()),
            ("mean", pa.float64()),
            *((name, pa.float64()) for name in METRICS[task]),
            ("reason", pa.string()),
        ]
    )
    return pa.Table.from_pylist(groups, schema=schema)
