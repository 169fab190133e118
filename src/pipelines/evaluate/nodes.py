"""The nodes of ``evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.evaluate import checks, tables
from pipelines.evaluate.holdout import Holdout
from pipelines.evaluate.parameters import EvaluateParameters
from pipelines.train.folds import few_rows
from pipelines.train.monotone import monotone_columns
from workbench.clients import Client
from workbench.learning import TabularModel

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable

    from workbench.learning.metrics import Interval, Resamples
    from workbench.learning.monotone import Monotone
else:
    # Kedro resolves the annotations of a node, to find the model of `params:evaluate`; these would import too much.
    ArrowTable = IbisTable = Any

__all__ = ["evaluate_models", "measure_importance"]

Scores = dict[str, dict[str, float | None]]


def evaluate_models(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    candidate: TabularModel,
    features: IbisTable,
    holdout_predictions: IbisTable,
    feature_roles: dict[str, Any],
    parameters: EvaluateParameters,
) -> tuple[dict[str, Any], dict[str, float], ArrowTable, ArrowTable]:
    """Score every model on the test rows; checks, calibration and groups are the candidate's.

    Returns:
        The evaluation: which model is the candidate, scores with intervals, how far each other model is from it
        (paired: on the same resamples), checks with their reasons, calibration error (for a regression in the target's
        unit). The same scores, flat, as ``<model>.<score>``. The calibration bins of the candidate. Its scores by
        segment and protected group. An undefined number is None, never NaN.
    """
    from workbench.learning import metrics

    chosen = candidate.kind
    holdout = Holdout.of(holdout_predictions.to_pyarrow(), feature_roles, chosen)
    drawn = {model: _resample(holdout, model, parameters) for model in holdout.predictions}
    scores = {model: _records(found.intervals(parameters.confidence)) for model, found in drawn.items()}
    bins = metrics.calibration_bins(
        holdout.task, holdout.labels, holdout.predictions[chosen], bins=parameters.calibration_bins
    )
    groups, guessed = (
        tables.group_records(holdout, feature_roles, model, parameters.fewest_group_rows)
        for model in (chosen, "majority")
    )
    primary, error = client.metric.name, metrics.expected_error(bins)
    found = {
        "beats_majority": checks.beats_majority(primary, scores[chosen][primary], scores["majority"][primary]),
        "calibrated": _calibrated(holdout, chosen, error, parameters),
        "enough_test_rows": checks.enough_test_rows(holdout.rows, parameters.fewest_test_rows),
        "protected_groups_served": checks.protected_groups_served(primary, groups, guessed),
    }
    moved = _moved(client, candidate, features, feature_roles, parameters)
    if moved:
        found["monotone"] = checks.monotone(moved, parameters.monotone_limit)
    evaluation = {
        "task": holdout.task,
        "primary": primary,
        "candidate": chosen,
        "rows": holdout.rows,
        **holdout.facts(feature_roles["classes"]),
        "confidence": parameters.confidence,
        "models": scores,
        "differences": {
            model: _records(found.minus(drawn[chosen], parameters.confidence))
            for model, found in drawn.items()
            if model != chosen
        },
        "checks": {name: check.passed for name, check in found.items()},
        "check_reasons": {name: check.reason for name, check in found.items()},
        "expected_calibration_error": error,
        "monotone": [one.to_dict() for one in moved],
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
        ``feature``, ``importance`` and ``std``, the most important first; no row if the metric is undefined, nor for
        columns beyond ``importance_columns``.
    """
    from workbench.learning.importance import permutation

    test = few_rows(features, feature_roles, "test", parameters.importance_rows, parameters.seed)
    found = permutation(
        candidate.predict,
        test,
        candidate.columns,
        client.metric.name,
        rows=parameters.importance_rows,
        repeats=parameters.importance_repeats,
        most=parameters.importance_columns,
        seed=parameters.seed,
    )
    return tables.importance_table(found)


def _moved(
    client: Client, candidate: TabularModel, features: IbisTable, roles: dict[str, Any], parameters: EvaluateParameters
) -> list[Monotone]:
    """How the candidate follows the columns that it must follow, on test rows."""
    from workbench.learning.monotone import violations

    wanted = monotone_columns(client, roles)
    if not wanted:
        return []
    rows, seed = parameters.monotone_rows, parameters.seed
    test = few_rows(features, roles, "test", rows, seed)
    return [violations(candidate.predict, test, *item, rows=rows, seed=seed) for item in wanted.items()]


def _resample(holdout: Holdout, model: str, parameters: EvaluateParameters) -> Resamples:
    """One seed for all models, so that they are drawn the same rows."""
    from workbench.learning import metrics

    return metrics.resample(
        holdout.task, holdout.labels, holdout.predictions[model], resamples=parameters.bootstrap, seed=parameters.seed
    )


def _records(found: dict[str, Interval]) -> Scores:
    """Score to ``value``, ``low`` and ``high``."""
    return {name: interval.to_dict() for name, interval in found.items()}


def _calibrated(holdout: Holdout, model: str, error: float, parameters: EvaluateParameters) -> checks.Check:
    from workbench.learning import metrics

    chance = metrics.chance_level(
        holdout.task,
        holdout.labels,
        holdout.predictions[model],
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
