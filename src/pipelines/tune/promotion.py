"""From a tuned model to a version with a verdict: compare, judge, register, tag, and move the aliases, in that order.

Killed in between, the same command finishes the work: the same files are never registered twice, tags and aliases are
set again, and the alias ``champion`` moves last.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.tune import evaluation as evaluating
from pipelines.tune import gate, versions
from pipelines.tune.answering import opened, tags_of
from pipelines.tune.checking import Message
from pipelines.tune.parameters import TuneParameters
from workbench.errors import ModelError
from workbench.files import sha256_of_folder
from workbench.registry import models, runs
from workbench.registry.conclusion import conclude
from workbench.registry.gate import Champion
from workbench.registry.store import Store, translated
from workbench.secrets import secrets_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from workbench.clients import Client
    from workbench.datasets import ClientFiles
    from workbench.datasets.hosted_model import HostedFolder
    from workbench.learning.language import BaseModel, TunedFolder

__all__ = ["promote"]

_LOG = logging.getLogger(__name__)

Find = Callable[[str, str | None], "BaseModel"]


def promote(
    store: Store,
    client: Client,
    tuned: TunedFolder | HostedFolder,
    evaluation: Mapping[str, Any],
    examples: Sequence[Mapping[str, Any]],
    *,
    parameters: TuneParameters,
    system: str | None,
    files: ClientFiles,
    find: Find,
) -> dict[str, Any]:
    """Register a tuned model, and make it the champion if the gate says so.

    Args:
        store: the opened store.
        client: whose model it is.
        tuned: the model.
        evaluation: of it and of its base.
        examples: the held-out ones; the champion answers the same.
        parameters: the client's.
        system: the system message that all examples have.
        files: the client's view of the project.
        find: from a name to a base model.

    Returns:
        The verdict as JSON.

    Raises:
        ModelError: the evaluation is about another model.
    """
    name, sha256 = models.tuned_name(client.id), sha256_of_folder(tuned.folder)
    if evaluation["sha256"] != sha256:
        raise ModelError(
            "the evaluation is about another tuned model",
            where=f"client {client.id}",
            hint=f"`kedro run --pipeline tune --env clients/{client.id}`",
        )
    metric, scores = parameters.gate.metric, evaluation["models"]
    incumbent = models.find(store, name, models.CHAMPION)
    verdict = gate.decide(
        parameters.gate,
        tuned=scores["tuned"].get(metric),
        base=scores["base"].get(metric),
        champion=_rival(store, incumbent, sha256, examples, parameters, files, find),
        examples=evaluation["examples"],
    )
    run_id = versions.training_run(store, client.id, sha256)
    runs.log_metrics(store, run_id, _flat(scores))
    with translated(store.uri):
        store.api.log_dict(run_id, dict(evaluation), "tune/evaluation.json")
    prompt, prompt_version = versions.prompt_version(store, client.id, system)
    tags = {**tags_of(tuned), "prompt": f"prompts:/{prompt}/{prompt_version}"}
    version, adopted = versions.register(store, client, tuned.folder, run_id=run_id, sha256=sha256, tags=tags)
    before = int(incumbent.version) if incumbent is not None else None
    compared = verdict.comparison
    conclude(store, name, version, verdict, before=before, more={f"base.{compared.metric}": compared.baseline})
    if verdict.promote:
        with translated(store.uri):
            store.api.set_prompt_alias(prompt, models.CHAMPION, prompt_version)
    return {
        "client": client.id,
        "model": name,
        "version": version,
        "run_id": run_id,
        "sha256": sha256,
        "adopted": adopted,
        "prompt": tags["prompt"],
        **verdict.to_dict(),
        "champion_version": version if verdict.promote else before,
    }


def _rival(  # noqa: PLR0917
    store: Store,
    incumbent: ModelVersion | None,
    sha256: str,
    examples: Sequence[Mapping[str, Any]],
    parameters: TuneParameters,
    files: ClientFiles,
    find: Find,
) -> Champion | None:
    """The champion and its metric on today's held-out examples. A broken one must not bar the way to a new one."""
    if incumbent is None:
        return None
    version = int(incumbent.version)
    if incumbent.tags.get(models.SHA256) == sha256:
        return Champion(version, None, is_challenger=True)
    try:
        with versions.opened(store, incumbent, find) as folder:
            value = _metric_of(folder, evaluating.chosen(examples, parameters.evaluate.examples), parameters, files)
    except ModelError as error:
        _LOG.warning("the champion cannot be compared: %s", error)
        return Champion(version, None, error.what)
    return Champion(version, value, "" if value is not None else f"it has no {parameters.gate.metric}")


def _metric_of(
    folder: TunedFolder | HostedFolder, examples: list[list[Message]], parameters: TuneParameters, files: ClientFiles
) -> float | None:
    with opened(folder, files, parameters) as tuned:
        answers = {"champion": evaluating.answers_of(tuned, examples, parameters.evaluate)}
    rows = evaluating.scored(examples, answers)
    if parameters.gate.metric == "judge":
        from pipelines.tune.judge import Judge

        judge = Judge(parameters.judge, secrets_of(files.project, files.client))
        evaluating.graded(rows, judge, parameters.judge.examples)
        judge.close()
    values = [row["champion"][parameters.gate.metric] for row in rows if parameters.gate.metric in row["champion"]]
    return statistics.fmean(values) if values else None


def _flat(scores: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    pairs = ((f"tune_{model}_{name}", value) for model, one in scores.items() for name, value in one.items())
    return {name: value for name, value in pairs if value is not None}
