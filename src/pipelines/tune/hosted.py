"""The tuning at a service: estimated, uploaded, trained, deployed; each step is found again by the next run.

What is made there, and when it is written down, is the matter of ``workbench.hosted``; here it is put in order.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.tune import evaluation
from pipelines.tune.parameters import TuneParameters
from workbench import audit
from workbench.datasets import ClientFiles
from workbench.datasets.hosted_model import HostedModel
from workbench.hosted import curves, examples, files, jobs, overview
from workbench.hosted.follow import Followed, explain_end, follow
from workbench.hosted.ledger import book_of, made
from workbench.hosted.progress import JobProgress
from workbench.hosted.session import Session, open_session, settings_of
from workbench.registry import runs
from workbench.registry.store import open_store
from workbench.targets.book import Book

if TYPE_CHECKING:
    from workbench.hosted.estimate import Estimate
    from workbench.targets.azure_openai.parts import DeploymentPart

__all__ = ["bring_up", "estimate", "for_service", "settle", "tune_hosted"]

_LOG = logging.getLogger(__name__)

Rows = Sequence[Mapping[str, Any]]


def for_service(rows: Rows) -> list[dict[str, Any]]:
    """Examples of ours as the service reads them: chat examples, or preference pairs."""
    return [_pair(row) if "rejected" in row else {"messages": list(row["messages"])} for row in rows]


def estimate(
    project_files: ClientFiles, train: Rows, validation: Rows, test: Rows, parameters: TuneParameters
) -> Estimate:
    """Check the examples by the service's rules, and estimate what tuning with them will cost. Nothing is sent.

    Raises:
        DataError: an example breaks a rule.
        ConfigurationError: there is no account, no price, or too small a budget.
    """
    from workbench.hosted.estimate import estimate as estimated
    from workbench.hosted.estimate import refuse_over_budget
    from workbench.targets.azure_openai.token_prices import price_of
    from workbench.targets.azure_openai.tokens import counter

    client = project_files.client
    hosted, settings = settings_of(project_files.project, client).hosted, parameters.hosted
    rows = _checked(client, train, validation)[0]
    held_out = [messages[:-1] for messages in evaluation.chosen(test, parameters.evaluate.examples)]
    found = estimated(
        str(settings.model),
        rows,
        held_out,
        epochs=None if settings.epochs == "auto" else settings.epochs,
        answer_tokens=parameters.evaluate.max_new_tokens,
        price=price_of(project_files.project, hosted.prices or hosted.service, str(settings.model), f"client {client}"),
        counter=counter(str(settings.model)),
    )
    _LOG.info("%s; the budget is %.2f", found, hosted.budget)
    refuse_over_budget(found, hosted.budget, client)
    return found


def tune_hosted(
    project_files: ClientFiles, train: Rows, validation: Rows, parameters: TuneParameters
) -> tuple[HostedModel, list[dict[str, Any]]]:
    """Have a model tuned. A job that runs, or is done, is attached to; nothing is made twice.

    Returns:
        The tuned model, and its history: a row for each step that the service measured.

    Raises:
        ModelError: the job failed or was cancelled; the next run starts a new one.
        Transient: the service is not to be had, or the deadline has passed; the job goes on.
    """
    client, project = project_files.client, project_files.project
    content = [examples.lines_of(fold) for fold in _checked(client, train, validation)]
    session, book = open_session(project, client), book_of(project, client)
    try:
        spec = _spec(session, parameters, for_service(train), content)
        job_id = _job(session, book, spec, content, project)
        heard = _watched(session, project_files, spec, job_id)
        if heard.job.status != "succeeded":
            # Not billed, and not attached to again: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/
            # fine-tuning-cost-management says so of failed jobs.
            book.note(jobs.KIND, spec.key, "gone")
        explain_end(session, heard)
        return _model(session, spec, heard), _history(heard)
    finally:
        session.close()


def bring_up(session: Session, record: HostedModel, project_files: ClientFiles) -> None:
    """Have the tuned model answer: at Azure by a deployment; elsewhere it does as it is."""
    if session.azure is not None:
        with overview.deploying(session, project_files.project) as work:
            work.ensure(_part(session, record))


def settle(record: HostedModel, project_files: ClientFiles, *, keep: bool) -> None:
    """After the comparison, let nothing that it took cost by the hour, unless the client wants it so."""
    session = open_session(project_files.project, project_files.client)
    try:
        overview.settle(session, project_files.project, record.deployment, keep_it=keep)
    finally:
        session.close()


def _checked(client: str, train: Rows, validation: Rows) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    where = f"client {client}, data/{client}/05_model_input/tune_{{}}.jsonl"
    folds = for_service(train), for_service(validation)
    examples.check(folds[0], where.format("train"))
    examples.check(folds[1], where.format("validation"), fewest=1)
    return folds


def _job(session: Session, book: Book, spec: jobs.JobSpec, content: Sequence[bytes], project: Path) -> str:
    known = made(book, jobs.KIND, spec.key)
    if known:
        _LOG.info("attached to job %s of an earlier run", known)
        return known
    training, validation = (files.ensure_file(session, book, one) for one in content)
    job_id = jobs.ensure_job(session, book, spec, training, validation)
    audit.record(project, "tuning.job_made", client=spec.client, job=job_id, model=spec.model, service=spec.endpoint)
    return job_id


def _watched(session: Session, project_files: ClientFiles, spec: jobs.JobSpec, job_id: str) -> Followed:
    facts = {"model": spec.model, "method": spec.method, "seed": spec.seed, **spec.hyperparameters}
    facts |= {"training_sha256": spec.training, "validation_sha256": spec.validation}
    run = curves.JobRun(open_store(project_files.project), session.client, job_id, facts)
    present = runs.current()
    if present is not None:
        present.tag({"hosted_job": job_id, "hosted_run": run.id})
    progress = JobProgress(run)
    try:
        heard = follow(session, job_id, progress)
    except KeyboardInterrupt:
        _LOG.warning(
            "job %s goes on at the service; the same command attaches to it, and "
            "`kedro tune cancel --env clients/%s` stops it",
            job_id,
            session.client,
        )
        raise
    finally:
        progress.close()
    run.end(heard)
    return heard


def _spec(
    session: Session, parameters: TuneParameters, rows: list[dict[str, Any]], content: Sequence[bytes]
) -> jobs.JobSpec:
    settings = parameters.hosted
    training, validation = (hashlib.sha256(one).hexdigest() for one in content)
    return jobs.JobSpec(
        client=session.client,
        endpoint=session.account.endpoint,
        model=str(settings.model),
        method=examples.method_of(rows),
        training=training,
        validation=validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate_multiplier=settings.learning_rate_multiplier,
        beta=settings.beta,
        seed=settings.seed,
        suffix=settings.suffix,
    )


def _model(session: Session, spec: jobs.JobSpec, heard: Followed) -> HostedModel:
    from workbench.targets.azure_openai.parts import evaluation_name

    model = str(heard.job.fine_tuned_model)
    return HostedModel(
        service=session.hosted.service,
        endpoint=session.account.endpoint,
        base=spec.model,
        model=model,
        job=heard.job.id,
        method=spec.method,
        deployment=evaluation_name(spec.client, spec.key) if session.azure else model,
        base_deployment=session.hosted.base_deployment or spec.model,
        training_sha256=spec.training,
        validation_sha256=spec.validation,
        hyperparameters={**spec.hyperparameters, "seed": spec.seed},
        trained_tokens=heard.job.trained_tokens,
    )


def _history(heard: Followed) -> list[dict[str, Any]]:
    names = sorted({name for values in heard.points.values() for name in values})
    short = {name: name.removeprefix("tune_") for name in names}
    return [
        {"step": step, **{short[name]: values.get(name) for name in names}, "checkpoint": heard.checkpoints.get(step)}
        for step, values in sorted(heard.points.items())
    ]


def _pair(row: Mapping[str, Any]) -> dict[str, Any]:
    messages = list(row["messages"])
    return {
        "input": {"messages": messages[:-1]},
        "preferred_output": messages[-1:],
        "non_preferred_output": [{"role": "assistant", "content": row["rejected"]}],
    }


def _part(session: Session, record: HostedModel) -> DeploymentPart:
    from workbench.targets.azure_openai.parts import DeploymentPart

    labels = {"managed-by": "workbench", "client": session.client, "job": record.job}
    return DeploymentPart(overview.arm_of(session), record.deployment, record.model, labels)
