"""Several kinds of models under one budget; the validation rows say which one goes on.

The cheap ones come first and take a bounded part of the budget; the network has all that is left, and is as large as
the whole budget would make it, so that the same budget gives the same network whatever the others took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import ModelError
from workbench.learning.config import EpochReport, TrainConfig
from workbench.learning.streaming import ParquetRows, TableRows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from workbench.learning.columns import Columns
    from workbench.learning.ensemble import EnsembleModel
    from workbench.learning.model import TabularModel
    from workbench.learning.monotone import Direction
    from workbench.learning.search import Search, TrialReport

__all__ = ["CANDIDATES", "Contender", "Selection", "check_names", "select"]

logger = logging.getLogger(__name__)

CANDIDATES: Mapping[str, str] = {"tabm": "network", "boosting": "boosting", "linear": "linear"}
"""What may be named as a candidate, and the kind of model that it becomes."""

BOOSTING_SHARE = 0.25
"""Of the budget, if a network is trained as well."""

SEARCH_SHARE = 0.7
"""Of what is left of the budget when the network's turn comes, for a search of its settings."""


@dataclass(frozen=True)
class Contender:
    """A trained model and how it did.

    Attributes:
        model: it, calibrated.
        value: its metric on the validation rows; NaN if it is undefined there.
        seconds: what its training took.
        rows: of the training rows, those that it learned from; of an ensemble, those that any of its members did.
        judged: of the validation rows, those that decided when its training stopped, and that calibrated it.
        weight: its part of the ensemble; 0 if there is none or it is not in it.
    """

    model: TabularModel
    value: float
    seconds: float
    rows: int
    judged: int
    weight: float = 0.0


@dataclass(frozen=True)
class Selection:
    """All models of one training.

    Attributes:
        metric: what was compared on the validation rows.
        contenders: by kind, in the order in which they were named; the ensemble last, if one was made.
        chosen: the kind of the best.
        rows: training rows that there are.
        judged: validation rows that there are; the metric of every contender is of all of them.
        search: the search for the network's settings; None if there was none.
    """

    metric: str
    contenders: Mapping[str, Contender]
    chosen: str
    rows: int
    judged: int
    search: Search | None = None

    @property
    def model(self) -> TabularModel:
        """The best."""
        return self.contenders[self.chosen].model


def check_names(names: Sequence[str]) -> None:
    """Refuse what is no candidate, a list of none, and a name that stands twice.

    Raises:
        ModelError: with the nearest name there is.
    """
    known = ", ".join(CANDIDATES)
    if not names:
        raise ModelError("there is no candidate to train", tried=known, hint="name one in train.candidates")
    for name in names:
        if name not in CANDIDATES:
            near = get_close_matches(name, CANDIDATES, n=1, cutoff=0.0)[0]
            raise ModelError(f"candidate '{name}' is unknown", tried=known, hint=f"did you mean '{near}'?")
    if len(set(names)) < len(names):
        raise ModelError("a candidate is named twice", tried=", ".join(names))


def select(
    train: TableRows,
    validation: TableRows,
    columns: Columns,
    config: TrainConfig,
    *,
    names: Sequence[str] = ("tabm", "boosting", "linear"),
    metric: str,
    ensemble: bool = True,
    monotone: Mapping[str, Direction] | None = None,
    tune: int = 0,
    on_trial: Callable[[TrialReport], None] | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    folder: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Selection:
    """Train the candidates, and choose the best on the validation rows.

    Args:
        train: the rows to learn from: a table, or rows of a Parquet file. From a file the network streams them all;
            boosting and the linear model, which cannot, learn from a sample (``Contender.rows``).
        validation: the rows that decide when to stop, that calibrate, and that choose; likewise.
        columns: target and features.
        config: of the network; its seed is everybody's, its budget is for all.
        names: of :data:`CANDIDATES`; of equally good models, the first named wins.
        metric: one of the task's scores.
        ensemble: also try a weighted mean of them (:mod:`workbench.learning.ensemble`). It is chosen if it is better
            than the best of them by more than chance, or if the rows cannot tell which of them is the best.
        monotone: columns in whose direction the prediction must move; boosting holds to them by construction.
        tune: trials of a search for the network's settings (:mod:`workbench.learning.search`), which has
            :data:`SEARCH_SHARE` of the budget; the best setting is then trained with what is left.
        on_trial: told of each trial.
        on_epoch: told of the network's epochs.
        folder: where the network's training keeps its checkpoints.
        clock: seconds.

    Raises:
        ModelError: a name is unknown, or a training cannot be done.
    """
    from workbench.learning.streaming.reading import labels_of, predictions_of

    check_names(names)
    judge = _Judge(columns, labels_of(validation, columns), metric)
    training = _Training(
        train=train,
        validation=validation,
        columns=columns,
        config=config,
        without_network="tabm" not in names,
        tune=tune,
        on_trial=on_trial,
        on_epoch=on_epoch,
        folder=folder,
        clock=clock,
        began=clock(),
        monotone=monotone,
    )
    makers = {"linear": training.linear, "boosting": training.boosting, "tabm": training.tabm}
    made: dict[str, tuple[_Made, float]] = {}
    for name in (name for name in makers if name in names):
        began = clock()
        made[CANDIDATES[name]] = makers[name](), clock() - began
    kinds = [CANDIDATES[name] for name in names]
    predicted = predictions_of({kind: made[kind][0].model for kind in kinds}, validation)
    contenders = {
        kind: Contender(one.model, judge.value(predicted[kind]), seconds, one.rows, one.judged)
        for kind, (one, seconds) in ((kind, made[kind]) for kind in kinds)
    }
    best = judge.best({kind: contenders[kind].value for kind in kinds})
    found = Selection(metric, contenders, best, train.num_rows, validation.num_rows)
    if ensemble and len(names) > 1:
        found = _with_ensemble(found, predicted, judge)
    return replace(found, search=training.searched)


def _with_ensemble(found: Selection, predicted: Mapping[str, npt.NDArray[np.float64]], judge: _Judge) -> Selection:
    """The contenders with their weights, and their mean after them; chosen is that or the best of them."""
    from workbench.learning.ensemble import alike, greedy, hedged

    task, best = judge.columns.task, found.chosen
    # The best goes first, so that equally good ones do not join it.
    ranked = {kind: predicted[kind] for kind in sorted(predicted, key=lambda kind: kind != best)}
    weights = greedy(task, judge.labels, ranked, judge.metric)
    mean, calibrated = _mean_of(found, weights, predicted, judge)
    ahead = len(weights) > 1 and judge.surely_better(calibrated, predicted[best])
    undecided = alike(task, judge.labels, predicted, best)
    if not ahead and len(undecided) > 1:
        # Of models that nobody can tell apart, the mean is the one that is not far wrong, whichever is the best.
        weights, ahead = hedged(weights, undecided), True
        mean, calibrated = _mean_of(found, weights, predicted, judge)
    if len(weights) < 2:
        return found
    every = {kind: replace(one, weight=weights.get(kind, 0.0)) for kind, one in found.contenders.items()}
    rows = max(found.contenders[kind].rows for kind in weights)
    every["ensemble"] = Contender(mean, judge.value(calibrated), 0.0, rows, found.judged, 1.0)
    return replace(found, contenders=every, chosen="ensemble" if ahead else best)


def _mean_of(
    found: Selection, weights: Mapping[str, float], predicted: Mapping[str, npt.NDArray[np.float64]], judge: _Judge
) -> tuple[EnsembleModel, npt.NDArray[np.float64]]:
    """The mean with these weights, calibrated, and what it says of the validation rows."""
    from workbench.learning.ensemble import EnsembleModel

    model = EnsembleModel(judge.columns, {kind: found.contenders[kind].model for kind in weights}, weights)
    mean = model.mean(predicted)
    model.calibrate(judge.labels, mean)
    return model, model.temperature.apply(judge.columns.task, mean) if model.temperature else mean


@dataclass(frozen=True)
class _Judge:
    """The validation rows and what is compared on them."""

    columns: Columns
    labels: npt.NDArray[Any]
    metric: str

    def value(self, predicted: npt.NDArray[np.float64]) -> float:
        from workbench.learning.metrics import compute

        return compute(self.columns.task, self.labels, predicted)[self.metric]

    def best(self, values: Mapping[str, float]) -> str:
        """The name of the best value; of equally good ones, the first."""
        from workbench.learning.metrics import better

        best = next(iter(values))
        for name, value in values.items():
            if better(self.metric, value, values[best]):
                best = name
        return best

    def surely_better(self, one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
        """Whether ``one`` is ahead on nearly all resamples of the rows: on few rows, some mean always looks better."""
        from workbench.learning.metrics import HIGHER_IS_BETTER, resample

        first, second = (resample(self.columns.task, self.labels, values) for values in (one, other))
        lead = first.minus(second)[self.metric]
        worst = lead.low if HIGHER_IS_BETTER[self.metric] else lead.high
        return worst is not None and (worst > 0 if HIGHER_IS_BETTER[self.metric] else worst < 0)


class _Made(NamedTuple):
    """A model, and of how many rows: that it learned from, and that decided when to stop."""

    model: TabularModel
    rows: int
    judged: int


@dataclass
class _Training:
    """One budget, and a method for each candidate."""

    train: TableRows
    validation: TableRows
    columns: Columns
    config: TrainConfig
    without_network: bool
    tune: int
    on_trial: Callable[[TrialReport], None] | None
    on_epoch: Callable[[EpochReport], None] | None
    folder: Path | None
    clock: Callable[[], float]
    began: float
    monotone: Mapping[str, Direction] | None
    searched: Search | None = None

    @cached_property
    def in_memory(self) -> tuple[pa.Table, pa.Table]:
        """What a model is given that cannot learn from a stream: the tables, or a sample of each."""
        from workbench.learning.devices import pick_device
        from workbench.learning.streaming.reading import few_of
        from workbench.learning.streaming.room import settled_room
        from workbench.learning.streaming.survey import survey

        train, validation = self.train, self.validation
        if isinstance(train, ParquetRows):
            device, most = pick_device(self.config.device), self.config.memory_bytes
            room = settled_room(train, self.columns, most, device, self.folder)
            train = survey(train, self.columns, room, self.config.seed).sample
            if isinstance(validation, ParquetRows):
                validation = few_of(validation, room.sample, self.config.seed)
            logger.warning(
                "memory does not hold the table: boosting and linear models learn from %s of %s rows",
                f"{train.num_rows:,}",
                f"{self.train.num_rows:,}",
            )
        return train, validation

    def linear(self) -> _Made:
        from workbench.learning.linear import MOST_ROWS, linear

        train, validation = self.in_memory
        model = linear(train, validation, self.columns, seed=self.config.seed)
        return _Made(model, min(train.num_rows, MOST_ROWS), validation.num_rows)

    def boosting(self) -> _Made:
        from workbench.learning.boosting.fit import boosting

        train, validation = self.in_memory
        budget = self.config.budget_seconds * (1.0 if self.without_network else BOOSTING_SHARE)
        model = boosting(
            train,
            validation,
            self.columns,
            seed=self.config.seed,
            monotone=self.monotone,
            budget_seconds=budget,
            clock=self.clock,
        )
        return _Made(model, train.num_rows, validation.num_rows)

    def tabm(self) -> _Made:
        from workbench.learning.trainer import fit

        config = self._tuned() if self.tune else self.config
        model = fit(
            self.train,
            self.validation,
            self.columns,
            config,
            self.on_epoch,
            folder=self.folder,
            spent=self.clock() - self.began,
            clock=self.clock,
        )
        return _Made(model, self.train.num_rows, self.validation.num_rows)

    def _tuned(self) -> TrainConfig:
        """The configuration with the best setting that a search found."""
        from workbench.learning.devices import pick_device
        from workbench.learning.encoding import TableEncoder
        from workbench.learning.networks import TabMSpec, default_spec
        from workbench.learning.search import search

        columns = TableEncoder.fit(self.in_memory[0], self.columns).inputs.columns
        device, budget = pick_device(self.config.device).type, self.config.budget_seconds
        spec = self.config.network or default_spec(self.train.num_rows, columns, device, budget)
        if not isinstance(spec, TabMSpec):
            raise ModelError(f"the settings of a {spec.name} cannot be searched", hint="set train.tune to 0")
        self.searched = search(
            self.train,
            self.validation,
            self.columns,
            self.config,
            spec,
            trials=self.tune,
            budget_seconds=SEARCH_SHARE * (budget - (self.clock() - self.began)),
            on_trial=self.on_trial,
            folder=self.folder.with_name("tuning") if self.folder else None,
            clock=self.clock,
        )
        return replace(self.searched.config, budget_seconds=budget)
