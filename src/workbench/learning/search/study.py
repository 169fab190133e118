"""A search for the settings of a network: Optuna's study, pruned, within a budget, and going on after a crash.

- Settings are drawn by a tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kégl: "Algorithms for
  hyper-parameter optimization", NeurIPS 2011); the first trial has the defaults.
- What is compared is the lowest validation loss of an epoch. A trial that is behind the median of those before it, at
  the same epoch, is given up (the median rule of Golovin and others: "Google Vizier", KDD 2017).
- The time left is shared among the trials left, so that what one saves is for those after it.
- A study lies on disk. After a crash, the same call goes on with the trial that was running; each trial draws from a
  generator of its own, so that what comes after is what would have come.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.config import EpochReport, TrainConfig
from workbench.learning.search.journal import identity_of, journal
from workbench.learning.search.space import configured, defaults, suggest

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from workbench.learning.columns import Columns
    from workbench.learning.networks import TabMSpec
    from workbench.learning.streaming import TableRows

__all__ = ["Search", "TrialReport", "search"]

logger = logging.getLogger(__name__)

JOURNAL = "study.log"

FREE_TRIALS, FREE_EPOCHS = 4, 2
"""Trials, and epochs of each, before anything is given up: until then there is no median to speak of."""


@dataclass(frozen=True)
class TrialReport:
    """What one trial came to.

    Attributes:
        number: from 0.
        state: ``complete``, ``pruned`` (given up) or ``fail`` (its loss was not a number, or it was interrupted).
        setting: what it tried, by name.
        value: its lowest validation loss; None if it had no epoch.
        losses: the validation loss of each epoch.
        seconds: what it took.
    """

    number: int
    state: str
    setting: Mapping[str, Any]
    value: float | None
    losses: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class Search:
    """A finished search.

    Attributes:
        config: of the best trial; with the budget and device that were asked for.
        trials: all of them, in their order.
        best: the number of the best; None if none was completed, and ``config`` is the default's.
    """

    config: TrainConfig
    trials: tuple[TrialReport, ...]
    best: int | None


def search(
    train: TableRows,
    validation: TableRows,
    columns: Columns,
    config: TrainConfig,
    spec: TabMSpec,
    *,
    trials: int,
    budget_seconds: float = math.inf,
    on_trial: Callable[[TrialReport], None] | None = None,
    folder: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Search:
    """Try settings of a network.

    Args:
        train: the rows to learn from.
        validation: the rows that a trial is judged by.
        columns: target and features.
        config: what is not searched.
        spec: the network that is varied.
        trials: how many, at most; those of a study that goes on count.
        budget_seconds: for all trials, those before a crash included; at least one is made.
        on_trial: told of each trial as it ends; not of those before a crash.
        folder: where the study lies until it has ended; None: in memory.
        clock: seconds.

    Raises:
        ModelError: a column or the target is not what it should be.
    """
    path = folder / JOURNAL if folder else None
    study = _open(path, identity_of(train, validation, columns, config, spec))
    _take_up(study, defaults(config, spec))
    task = _Task(train, validation, columns, spec, clock)
    began = clock() - sum(trial.user_attrs.get("seconds", 0.0) for trial in study.trials)
    ended = {"COMPLETE", "PRUNED"}
    while True:
        done = [trial for trial in study.trials if trial.state.name in ended or trial.user_attrs.get("failed")]
        left = budget_seconds - (clock() - began)
        if len(done) >= trials or (done and left <= 0):
            break
        share = max(left, 0.0) / (trials - len(done)) if math.isfinite(left) else math.inf
        _try(study, task, replace(config, budget_seconds=share))
        if on_trial:
            on_trial(_report(study.trials[-1]))
    reports = tuple(_report(trial) for trial in study.trials)
    complete = [report for report in reports if report.state == "complete" and report.value is not None]
    best = min(complete, key=lambda report: report.value or 0.0, default=None)
    if path:
        path.unlink(missing_ok=True)
    if best is None:
        return Search(replace(config, network=spec), reports, None)
    return Search(configured(config, spec, best.setting), reports, best.number)


def _open(path: Path | None, identity: str) -> Study:
    """The study of this search, from its journal if there is one."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=FREE_TRIALS, n_warmup_steps=FREE_EPOCHS)
    storage = journal(path) if path else None
    study: Study = optuna.create_study(storage=storage, study_name=identity, load_if_exists=True, pruner=pruner)
    if study.trials:
        logger.info("the search goes on after %d trials", len(study.trials))
    return study


def _take_up(study: Study, first: Mapping[str, Any]) -> None:
    """Put what was interrupted back at the head of the queue; of a new study, the defaults."""
    import optuna

    if not study.trials:
        study.enqueue_trial(dict(first))
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={"again": trial.user_attrs.get("again", trial.number)})


@dataclass(frozen=True)
class _Task:
    """What every trial of a search has in common."""

    train: TableRows
    validation: TableRows
    columns: Columns
    spec: TabMSpec
    clock: Callable[[], float]


def _try(study: Study, task: _Task, config: TrainConfig) -> None:
    """Train with the next setting, and tell the study."""
    import optuna

    from workbench.learning.trainer import fit

    # Of each trial its own, so that a study which goes on after a crash draws as one that was never broken.
    drawn = sum("again" not in trial.user_attrs and trial.state.is_finished() for trial in study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + drawn, n_startup_trials=FREE_TRIALS)
    trial = study.ask()
    began = task.clock()

    def on_epoch(report: EpochReport) -> None:
        trial.report(report.validation_loss, report.epoch)
        if report.stopped is None and trial.should_prune():
            raise optuna.TrialPruned

    state, value = optuna.trial.TrialState.COMPLETE, None
    try:
        setting = configured(config, task.spec, suggest(trial, task.spec))
        history = fit(task.train, task.validation, task.columns, setting, on_epoch).history
        value = min(report.validation_loss for report in history)
    except optuna.TrialPruned:
        state = optuna.trial.TrialState.PRUNED
    except ModelError as error:
        if "loss became" not in error.what:  # what no other setting would change
            raise
        logger.warning("trial %d: %s", trial.number, error.what)
        trial.set_user_attr("failed", True)
        state = optuna.trial.TrialState.FAIL
    trial.set_user_attr("seconds", round(task.clock() - began, 3))
    study.tell(trial, value, state=state)


def _report(trial: FrozenTrial) -> TrialReport:
    losses = tuple(trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values))
    return TrialReport(
        trial.number,
        trial.state.name.lower(),
        dict(trial.params),
        min(losses, default=None),
        losses,
        float(trial.user_attrs.get("seconds", 0.0)),
    )
