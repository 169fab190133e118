"""From a candidate to a version with a verdict: compare, judge, register, tag, and move the aliases, in that order.

Killed in between, the same command finishes the work: the same model is never registered twice, tags and aliases are
set again, and the alias ``champion`` moves last.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench import audit
from workbench.errors import ModelError
from workbench.registry import evidence as evidence_of
from workbench.registry import flavor, gate, models, runs
from workbench.registry.conclusion import conclude
from workbench.registry.holdout import Features
from workbench.registry.store import Store, translated

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from workbench.clients import Client
    from workbench.learning import TabularModel

__all__ = ["judge", "promote"]

logger = logging.getLogger(__name__)


def promote(
    store: Store, client: Client, candidate: TabularModel, features: Features, evidence: evidence_of.Evidence
) -> dict[str, Any]:
    """Register a candidate, and make it the champion if the gate says so.

    Returns:
        The verdict as JSON: what was decided about which version, why, and who is the champion now.

    Raises:
        ModelError: the candidate does not fit the features, or the evaluation is about another model.
    """
    with flavor.saved(candidate) as saved:
        incumbent = models.find(store, client.id, models.CHAMPION)
        rival, problem = _comparable(store, incumbent, features)
        verdict = judge(client, saved, features, evidence.evaluation, incumbent=incumbent, rival=rival, problem=problem)
        training = runs.find_training_run(store, client.id, saved.sha256)
        run_id = training.run_id if training is not None else _run_without_training(store, client.id)
        evidence_of.attach(store, run_id, evidence)
        # One tag each: a person reads a version's tags as a list.
        tags = {"metrics": json.dumps(dict(evidence.metrics)), "datasets": json.dumps(_input_digests(store, run_id))}
        example = features.example(candidate.columns)
        trained = training.began if training is not None else None
        version = models.register(store, client, saved, run_id=run_id, example=example, tags=tags, trained=trained)
    before = int(incumbent.version) if incumbent is not None else None
    conclude(store, client.id, version.version, verdict, before=before)
    audit.record(
        store.project,
        "model.promoted" if verdict.promote else "model.registered",
        client=client.id,
        version=version.version,
        sha256=version.sha256,
        decision=verdict.decision,
        champion_before=before,
    )
    return {
        "client": client.id,
        **asdict(version),
        **verdict.to_dict(),
        "champion_version": version.version if verdict.promote else before,
    }


def judge(
    client: Client,
    saved: flavor.Saved,
    features: Features,
    evaluation: Mapping[str, Any],
    *,
    incumbent: ModelVersion | None,
    rival: models.Champion | None,
    problem: str,
) -> gate.Verdict:
    """Let the candidate and the champion predict the test rows of the features, and ask the gate.

    Args:
        client: its metric and margin count.
        saved: the candidate.
        features: all folds of them.
        evaluation: the candidate's; its checks and the baseline's values count.
        incumbent: the version under the alias ``champion``, or None.
        rival: the same, loaded; None if it cannot predict the features.
        problem: why it cannot.
    """
    from workbench.learning.metrics import HIGHER_IS_BETTER

    metric = client.metric.name
    unfit = features.cannot_be_predicted_by(saved.model.columns)
    if unfit:
        hint = f"train again: `kedro run --pipeline train --env clients/{client.id}`"
        raise ModelError(f"the candidate does not fit the features: {unfit}", where=f"client {client.id}", hint=hint)
    contenders = {"challenger": saved.model} | ({"champion": rival.model} if rival else {})
    values = features.test_metrics(contenders)
    challenger = values["challenger"][metric]
    _refuse_stale(challenger, _value(evaluation, evaluation.get("candidate", "network"), metric), metric, client.id)
    champion = None
    if incumbent is not None:
        value = values["champion"][metric] if rival else None
        same = rival is not None and rival.sha256 == saved.sha256
        champion = gate.Champion(int(incumbent.version), value, problem, is_challenger=same)
    baseline = _value(evaluation, "majority", metric)
    comparison = gate.Comparison(metric, HIGHER_IS_BETTER[metric], client.metric.margin, challenger, baseline, champion)
    return gate.decide(comparison, evaluation["checks"])


def _comparable(store: Store, incumbent: ModelVersion | None, features: Features) -> tuple[models.Champion | None, str]:
    """The champion if it can predict the features; else why not. One that is broken must not bar the way to a new."""
    if incumbent is None:
        return None, ""
    try:
        champion = models.load(store, incumbent)
    except ModelError as error:
        logger.warning("the champion cannot be compared: %s", error)
        return None, error.what
    problem = features.cannot_be_predicted_by(champion.model.columns)
    return (None, problem) if problem else (champion, "")


def _value(evaluation: Mapping[str, Any], model: str, metric: str) -> float | None:
    value = evaluation["models"].get(model, {}).get(metric, {}).get("value")
    return None if value is None else float(value)


def _refuse_stale(predicted: float, evaluated: float | None, metric: str, client_id: str) -> None:
    """The candidate predicts its test rows again, so that a verdict never rests on another model's evaluation."""
    if evaluated is not None and not math.isclose(predicted, evaluated, rel_tol=1e-4, abs_tol=1e-4):
        raise ModelError(
            f"the evaluation is about another model or other rows: it says {metric} {evaluated:.6g}, "
            f"the candidate has {predicted:.6g}",
            where=f"client {client_id}",
            hint=f"`kedro run --pipelines train,evaluate,register --env clients/{client_id}`",
        )


def _run_without_training(store: Store, client_id: str) -> str:
    """The run of a candidate that no run says it has trained: the present one, else one made for it (in a notebook)."""
    present = runs.current()
    if present is not None:
        return present.id
    with translated(store.uri):
        made = store.api.create_run(store.experiment(client_id), run_name=f"{client_id} register")
        store.api.set_terminated(made.info.run_id)
    return str(made.info.run_id)


def _input_digests(store: Store, run_id: str) -> dict[str, str]:
    """The sha256 of each table that the run read."""
    with translated(store.uri):
        inputs = store.api.get_run(run_id).inputs
    tables = [one.dataset for one in (inputs.dataset_inputs if inputs else ())]
    return {table.name: json.loads(table.source).get("sha256", table.digest) for table in tables}
