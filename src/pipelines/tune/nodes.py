"""The nodes of ``tune``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelines.tune.local import token_counter, tune_local
from pipelines.tune.parameters import TuneParameters
from workbench.clients import Client
from workbench.datasets import ClientFiles
from workbench.files import sha256_of_folder
from workbench.learning.language import BaseModel

if TYPE_CHECKING:
    from pyarrow import Table as ArrowTable

    from pipelines.tune.examples import Prepared
    from workbench.datasets.hosted_model import HostedFolder, HostedModel
    from workbench.learning.language import Tuned, TunedFolder
    from workbench.secrets import ClientSecrets
else:
    # Kedro resolves the annotations of a node, to find the model of `params:tune`; this one would import too much.
    ArrowTable = Any
    from workbench.datasets.hosted_model import HostedFolder, HostedModel
    from workbench.learning.language import Tuned, TunedFolder

__all__ = [
    "estimate_tuning",
    "evaluate_generation",
    "prepare_examples",
    "register_language_model",
    "tune_local",
    "tune_model",
]

_LOG = logging.getLogger(__name__)

Examples = list[dict[str, Any]]


def prepare_examples(
    project_files: ClientFiles, parameters: TuneParameters
) -> tuple[Examples, Examples, Examples, dict[str, Any]]:
    """Check, mask and split a client's examples.

    Returns:
        The examples to train on, those that choose the checkpoint, those that the gate looks at, each as
        ``{"messages": […]}``; and a summary of counts and lengths, in tokens too if a base model is named.

    Raises:
        ConfigurationError: the client has not said where its examples are, or the judge's key is not there.
        DataError: a line is wrong, or there are too few.
    """
    from pipelines.tune import examples
    from pipelines.tune.judge import Judge
    from pipelines.tune.reading import read_rows

    if parameters.judge.model:
        Judge(
            parameters.judge, _secrets(project_files)
        )  # it may lack its key, and hours of tuning come before its turn
    settings = parameters.examples
    source = settings.file or f"table {settings.table}"
    where = f"client {project_files.client}, {source}"
    prepared = examples.prepare(read_rows(project_files, settings), settings, where)
    summary = examples.describe(prepared, source, token_counter(project_files, parameters))
    _tell(prepared)
    train, validation, test = (prepared.rows(fold) for fold in examples.FOLDS)
    return train, validation, test, summary


def estimate_tuning(
    project_files: ClientFiles,
    tune_train: Examples,
    tune_validation: Examples,
    tune_test: Examples,
    parameters: TuneParameters,
) -> dict[str, Any]:
    """What tuning at a service would cost; nothing on this machine. Nothing is sent.

    Raises:
        DataError: an example breaks a rule of the service.
        ConfigurationError: it would cost more than the client's budget.
    """
    if parameters.hosted.model is None:
        return {"hosted": False, "total": 0.0}
    from pipelines.tune.hosted import estimate

    made = estimate(project_files, tune_train, tune_validation, tune_test, parameters)
    return {"hosted": True, **made.to_dict()}


def tune_model(
    project_files: ClientFiles,
    tune_train: Examples,
    tune_validation: Examples,
    tune_estimate: dict[str, Any],
    parameters: TuneParameters,
) -> tuple[Tuned | HostedModel, ArrowTable]:
    """Tune the base model: at the client's service if ``hosted.model`` is set, else on this machine.

    Interrupted and run again, it goes on where it stopped: after the last checkpoint, or with the job that runs.

    Args:
        project_files: the client's view of the project.
        tune_train: the examples to learn.
        tune_validation: those that choose the checkpoint.
        tune_estimate: of the cost; that it is there means that the budget allows it.
        parameters: the client's.

    Returns:
        The tuned model and its history, one row a round or step.
    """
    if parameters.hosted.model is None:
        return tune_local(project_files, tune_train, tune_validation, parameters)
    import pyarrow as pa

    from pipelines.tune.hosted import tune_hosted

    tuned, history = tune_hosted(project_files, tune_train, tune_validation, parameters)
    return tuned, pa.Table.from_pylist(history or [{"step": None}])


def evaluate_generation(
    project_files: ClientFiles,
    tuned_model: TunedFolder | HostedFolder,
    tune_test: Examples,
    parameters: TuneParameters,
) -> tuple[Examples, ArrowTable, dict[str, Any]]:
    """Let the base and the tuned model answer held-out prompts, and compare what they say with the references.

    Returns:
        Each example with both answers and their scores; the table of means, one row a model: ``exact_match``,
        ``rouge_l``, ``loss`` (nats a response token; a service does not tell) and, if there is a judge, ``judge`` from
        0 to 1; and the same as JSON, with how many examples there were.

    Raises:
        ConfigurationError: the judge's key is missing, or it refuses.
        Transient: the judge does not answer.
    """
    import pyarrow as pa

    from pipelines.tune import evaluation
    from pipelines.tune.answering import opened
    from pipelines.tune.judge import Judge

    judge = Judge(parameters.judge, _secrets(project_files)) if parameters.judge.model else None
    examples = evaluation.chosen(tune_test, parameters.evaluate.examples)
    with opened(tuned_model, project_files, parameters) as tuned:
        answers = {"tuned": evaluation.answers_of(tuned, examples, parameters.evaluate)}
        losses = {"tuned": tuned.loss(examples)}
        with tuned.as_base() as base:
            answers["base"] = evaluation.answers_of(base, examples, parameters.evaluate)
            losses["base"] = base.loss(examples)
    order = evaluation.MODELS
    rows = evaluation.scored(examples, {model: answers[model] for model in order})
    record: dict[str, Any] = {
        "sha256": sha256_of_folder(tuned_model.folder),
        "examples": len(examples),
        "of": len(tune_test),
        "best_step": _best_step(tuned_model),
    }
    if judge is not None:
        ungraded = evaluation.graded(rows, judge, parameters.judge.examples)
        judge.close()
        settings = parameters.judge
        record["judge"] = {"model": settings.model, "rubric": settings.rubric, "ungraded": ungraded}
    record["models"] = evaluation.averages(rows, {model: losses[model] for model in order})
    table = pa.Table.from_pylist([{"model": model, **scores} for model, scores in record["models"].items()])
    _LOG.info("%d held-out examples: %s", len(examples), record["models"])
    return rows, table, record


def _best_step(tuned: TunedFolder | HostedFolder) -> int | None:
    """The step of the best round: 0 means that the result is the base model; a service gives its last step's."""
    if not hasattr(tuned.record, "history"):
        return None
    return next((report.step for report in reversed(tuned.record.history) if report.best), 0)


def register_language_model(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    project_files: ClientFiles,
    tuned_model: TunedFolder | HostedFolder,
    tune_train: Examples,
    tune_test: Examples,
    tune_evaluation: dict[str, Any],
    parameters: TuneParameters,
) -> dict[str, Any]:
    """Register the tuned model and its prompt, and make it the champion if it is better than its base by the margin.

    Doing it twice registers once. See :func:`pipelines.tune.promotion.promote`.

    Returns:
        The verdict.
    """
    from pipelines.tune.promotion import promote
    from workbench.datasets.hosted_model import HostedFolder
    from workbench.registry.store import open_store

    def find(name: str, revision: str | None) -> BaseModel:
        return BaseModel.find(name, project_files.path(name, "tuned.json"), revision=revision)

    verdict = promote(
        open_store(project_files.project),
        client,
        tuned_model,
        tune_evaluation,
        tune_test,
        parameters=parameters,
        system=_common_system(tune_train),
        files=project_files,
        find=find,
    )
    if isinstance(tuned_model, HostedFolder):
        from pipelines.tune.hosted import settle

        settle(tuned_model.record, project_files, keep=parameters.hosted.keep_deployment)
    return verdict


def _secrets(project_files: ClientFiles) -> ClientSecrets:
    from workbench.secrets import secrets_of

    return secrets_of(project_files.project, project_files.client)


def _common_system(examples: Examples) -> str | None:
    """The system message, if all examples have one and the same."""
    first = [example["messages"][0] for example in examples]
    systems = {message["content"] if message["role"] == "system" else None for message in first}
    return systems.pop() if len(systems) == 1 else None


def _tell(prepared: Prepared) -> None:
    _LOG.info(
        "%d examples read, %d of them twice; %s; masked: %s",
        prepared.read,
        prepared.duplicates,
        ", ".join(f"{len(examples)} for {fold}" for fold, examples in prepared.folds.items()),
        ", ".join(f"{count} {kind}" for kind, count in sorted(prepared.masked.items())) or "nothing",
    )
