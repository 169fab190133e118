"""The nodes of ``evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.evaluate import checks, tables
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

Scores = dict[str, dict[str, float | None]]


def evaluate_models(
    client: Client, holdout_predictions: IbisTable, feature_roles: dict[str, Any], parameters: EvaluateParameters
) -> tuple[dict[str, Any], dict[str, float], ArrowTable, ArrowTable]:
    """Score the network and both baselines on the test rows.

    Returns:
        The evaluation: scores with intervals, checks with their reasons, calibration error (for a regression in the
        target's unit). The same scores, flat, as ``<model>.<score>``. The calibration bins of the network. Its scores
        by segment and protected group. An undefined number is None, never NaN.
    """
    from workbench.learning import metrics

    holdout = Holdout.of(holdout_predictions.to_pyarrow(), feature_roles)
    scores = {model: _scores(holdout, model, parameters) for model in MODELS}
    bins = metrics.calibration_bins(
        holdout.task, holdout.labels, holdout.predictions["network"], bins=parameters.calibration_bins
    )
    groups, guessed = (
        tables.group_records(holdout, feature_roles, model, parameters.fewest_group_rows)
        for model in ("network", "majority")
    )
    primary, error = client.metric.name, metrics.expected_error(bins)
    found = {
        "beats_majority": checks.beats_majority(primary, scores["network"][primary], scores["majority"][primary]),
        "calibrated": _calibrated(holdout, error, parameters),
        "enough_test_rows": checks.enough_test_rows(holdout.rows, parameters.fewest_test_rows),
        "protected_groups_served": checks.protected_groups_served(primary, groups, guessed),
    }
    evaluation = {
        "task": holdout.task,
        "primary": primary,
        "rows": holdout.rows,
        **holdout.facts(feature_roles["classes"]),
        "confidence": parameters.confidence,
        "models": scores,
        "checks": {name: check.passed for name, check in found.items()},
        "check_reasons": {name: check.reason for name, check in found.items()},
        "expected_calibration_error": error,
    }
    return evaluation, _flat(scores), tables.calibration_table(bins), tables.segments_table(groups, holdout.task)


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
    from workbench.learning.importance import permutation

    test = read_fold(features, feature_roles, "test", feature_columns(feature_roles))
    found = permutation(
        candidate.predict,
        test,
        candidate.columns,
        client.metric.name,
        rows=parameters.importance_rows,
        repeats=parameters.importance_repeats,
        seed=parameters.seed,
    )
    return tables.importance_table(found)


def _scores(holdout: Holdout, model: str, parameters: EvaluateParameters) -> Scores:
    """Score to ``value``, ``low`` and ``high``; one seed for all models, so that they are drawn the same rows."""
    from workbench.learning import metrics

    found = metrics.intervals(
        holdout.task,
        holdout.labels,
        holdout.predictions[model],
        resamples=parameters.bootstrap,
        confidence=parameters.confidence,
        seed=parameters.seed,
    )
    return {name: interval.to_dict() for name, interval in found.items()}


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


def _flat(scores: dict[str, Scores]) -> dict[str, float]:
    return {
        f"{model}.{name}": score["value"]
        for model, found in scores.items()
        for name, score in found.items()
        if score["value"] is not None
    }
