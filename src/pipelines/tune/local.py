"""Tuning a language model on this machine: the base model that a client names, and the rounds of its training."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError
from workbench.learning.language import BaseModel

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.tune.parameters import TuneParameters
    from workbench.datasets import ClientFiles
    from workbench.learning.language import Tuned, TuneReport

__all__ = ["base_model", "token_counter", "tune_local"]

_LOG = logging.getLogger(__name__)

Examples = list[dict[str, Any]]


def tune_local(
    project_files: ClientFiles, tune_train: Examples, tune_validation: Examples, parameters: TuneParameters
) -> tuple[Tuned, pa.Table]:
    """Tune the base model on this machine. Interrupted and run again, it goes on after the last checkpoint.

    Returns:
        The model of the best round; and the history, one row a round: ``step`` (0 is the base model), ``train_loss``
        and ``validation_loss`` in nats a response token, ``tokens`` so far, ``best`` (whether no round before was as
        good) and ``seconds``.
    """
    import pyarrow as pa

    from workbench.learning.language import TuneConfig, tune

    work = project_files.project / "models" / project_files.client / "tune_checkpoints"
    folds = ([example["messages"] for example in fold] for fold in (tune_train, tune_validation))
    config = TuneConfig(**parameters.train.model_dump())
    tuned = tune(base_model(project_files, parameters), *folds, config, work, _tell_round)
    rows = [report.to_dict() | {"seconds": round(report.seconds, 3)} for report in tuned.record.history]
    return tuned, pa.Table.from_pylist([{key: row[key] for key in row if key != "stopped"} for row in rows])


def base_model(project_files: ClientFiles, parameters: TuneParameters) -> BaseModel:
    """The base model that the client names.

    Raises:
        ConfigurationError: it names none, or a path out of the project.
        ModelError: it is not there.
    """
    settings = parameters.model
    client = project_files.client
    if settings.path is None:
        raise ConfigurationError(
            "names no base model to tune",
            where=f"client {client}",
            tried=f"tune.model.path in conf/clients/{client}/parameters.yml, conf/base",
            hint="write `tune: {model: {path: models/base}}` into that file, a folder of the project, "
            "or a hub id that is in the local cache",
        )
    path = project_files.path(settings.path, "tune.model.path")
    return BaseModel.find(settings.path, path, revision=settings.revision, allow_download=settings.allow_download)


def token_counter(files: ClientFiles, parameters: TuneParameters) -> Any:
    """Counts the tokens of an example's prompt and response; None if no base model is named."""
    if parameters.model.path is None:
        return None
    from workbench.learning.language.chat import encode

    tokenizer = base_model(files, parameters).tokenizer()

    def count(messages: Any) -> tuple[int, int]:
        encoded = encode(tokenizer, messages)
        return len(encoded.prompt), len(encoded.response)

    return count


def _tell_round(report: TuneReport) -> None:
    """One line a round, and a point of the curves of the MLflow run, if there is one."""
    from workbench.registry.runs import current

    _LOG.info(
        "step %d of %d: validation loss %.4f%s%s, %.0f s",
        report.step,
        report.steps,
        report.validation_loss,
        "" if report.train_loss is None else f", training loss {report.train_loss:.4f}",
        ", the best so far" if report.best else "",
        report.seconds,
    )
    run = current()
    if run is not None:
        run.log_metrics(report.metrics(), report.step)
    if report.stopped == "budget":
        _LOG.warning("tune.train.budget_seconds ended the tuning early")
