"""From many tables to as many models."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.learning.config import EpochReport, TrainConfig

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from torch import Tensor

    from workbench.learning.columns import Columns
    from workbench.learning.encoding import TableEncoder
    from workbench.learning.many.loop import Learner
    from workbench.learning.networks.model import NetworkModel
    from workbench.learning.tensors import TensorTable

__all__ = ["Job", "fit_many"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One table to learn from.

    Attributes:
        name: by which its model is found; a client's, for one.
        train: the rows that encoders and weights are fitted on.
        validation: the rows that decide when to stop, and that calibrate.
        columns: target and features.
        config: how. Its budget says how large the network may be, as it does alone; when training ends is said by
            ``budget_seconds`` of :func:`fit_many`.
    """

    name: str
    train: pa.Table
    validation: pa.Table
    columns: Columns
    config: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class _Ready:
    """A job, settled."""

    job: Job
    encoder: TableEncoder
    config: TrainConfig
    device: torch.device

    @property
    def alike(self) -> tuple[object, ...]:
        """Jobs that have this in common learn together."""
        task, outputs = self.job.columns.task, self.encoder.inputs.outputs
        return self.config.network, self.config.batch_size, self.config.half, task, outputs, self.device


def fit_many(
    jobs: Iterable[Job],
    *,
    on_epoch: Callable[[str, EpochReport], None] | None = None,
    on_done: Callable[[str, NetworkModel | ModelError], None] | None = None,
    budget_seconds: float = math.inf,
    at_once: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, NetworkModel | ModelError]:
    """Train a network for each table; those of one architecture learn at once, on one device.

    A table's network ends where :func:`workbench.learning.fit` would have it end: at the same epoch, with the same
    losses up to rounding, where nothing is dropped or hidden by chance; else within what another seed would change.
    What is wrong with one table is no other's matter. If memory does not hold a group, it is halved and begins again.
    There are no checkpoints: whoever wants to keep what is done is told by ``on_done``.

    Args:
        jobs: the tables.
        on_epoch: told of each epoch of each job.
        on_done: told of each job as it ends.
        budget_seconds: wall clock for all; groups that train one after the other have parts by their rows.
        at_once: tables that learn together, at most; None: as many as memory holds.
        clock: seconds.

    Returns:
        By name, in the order of the jobs: the model, calibrated; or why there is none.

    Raises:
        ModelError: two jobs have one name.
    """
    given = list(jobs)
    twice = {job.name for job in given if sum(other.name == job.name for other in given) > 1}
    if twice:
        raise ModelError(f"two tables are called '{min(twice)}'", hint="give each job a name of its own")
    tell, done = on_epoch or (lambda _, __: None), on_done or (lambda _, __: None)
    found: dict[str, NetworkModel | ModelError] = {}

    def keep(name: str, result: NetworkModel | ModelError) -> None:
        found[name] = result
        done(name, result)

    ready = []
    for job in given:
        try:
            ready.append(_ready(job))
        except ModelError as error:
            keep(job.name, error)
    groups: dict[tuple[object, ...], list[_Ready]] = {}
    for one in ready:
        groups.setdefault(one.alike, []).append(one)
    waiting = [part for group in groups.values() for part in _parts(group, at_once or len(group))]
    began = clock()
    while waiting:
        rows = [sum(one.job.train.num_rows for one in group) for group in waiting]
        share = (budget_seconds - (clock() - began)) * rows[0] / sum(rows)
        group = waiting.pop(0)
        smaller = _train(group, tell, keep, share, clock)
        waiting = smaller + waiting
    return {job.name: found[job.name] for job in given}


def _ready(job: Job) -> _Ready:
    from workbench.learning.devices import pick_device
    from workbench.learning.trainer import settled

    device = pick_device(job.config.device)
    encoder, config = settled(job.train, job.validation, job.columns, job.config, device)
    return _Ready(job, encoder, config, device)


def _parts(group: list[_Ready], most: int) -> list[list[_Ready]]:
    """Parts of about the same size; tables of about as many rows go together, so that none waits for a longer one."""
    ordered = sorted(group, key=lambda one: one.job.train.num_rows)
    count = math.ceil(len(group) / most)
    ends = [round(at * len(group) / count) for at in range(count + 1)]
    return [ordered[begin:end] for begin, end in pairwise(ends)]


def _train(
    group: list[_Ready],
    on_epoch: Callable[[str, EpochReport], None],
    keep: Callable[[str, NetworkModel | ModelError], None],
    budget_seconds: float,
    clock: Callable[[], float],
) -> list[list[_Ready]]:
    """Train a group; the parts of it that are still to be trained, because memory did not hold it."""
    import torch

    if len(group) == 1:
        _alone(group[0], on_epoch, keep, budget_seconds, clock)
        return []
    finished: set[str] = set()

    def note(name: str, result: NetworkModel | ModelError) -> None:
        finished.add(name)
        keep(name, result)

    try:
        _together(group, on_epoch, note, budget_seconds, clock)
    except torch.OutOfMemoryError:
        left = [one for one in group if one.job.name not in finished]
        logger.warning("memory does not hold %d tables at once: going on with half as many", len(group))
        torch.cuda.empty_cache()
        return _parts(left, math.ceil(len(group) / 2))
    return []


def _alone(
    one: _Ready,
    on_epoch: Callable[[str, EpochReport], None],
    keep: Callable[[str, NetworkModel | ModelError], None],
    budget_seconds: float,
    clock: Callable[[], float],
) -> None:
    from workbench.learning.trainer import fit

    job, config = one.job, replace(one.config, budget_seconds=budget_seconds)
    try:
        model = fit(
            job.train, job.validation, job.columns, config, lambda report: on_epoch(job.name, report), clock=clock
        )
    except ModelError as error:
        keep(job.name, error)
    else:
        keep(job.name, model)


def _together(
    group: Sequence[_Ready],
    on_epoch: Callable[[str, EpochReport], None],
    keep: Callable[[str, NetworkModel | ModelError], None],
    budget_seconds: float,
    clock: Callable[[], float],
) -> None:
    from workbench.learning.devices import seeded
    from workbench.learning.many.layout import Layout, widest
    from workbench.learning.many.loop import ManyLoop
    from workbench.learning.many.stack import Stack
    from workbench.learning.trainer import calibrate, explained

    began, device, spec = clock(), group[0].device, group[0].config.network
    assert spec is not None  # noqa: S101 - it was settled
    wide = widest([one.encoder.inputs for one in group])
    tables = {one.job.name: one.job.train for one in group}
    learners = sorted((_learner(one) for one in group), key=lambda learner: -learner.steps)
    networks = [learner.model.network for learner in learners]
    reads = networks[0].reads_columns
    layouts = [Layout(spec, learner.model.encoder.inputs, wide, reads) for learner in learners]  # type: ignore[arg-type]
    stack = Stack(spec, wide, networks, layouts, device)
    for learner, layout in zip(learners, layouts, strict=True):
        learner.train = replace(learner.train, features=layout.features(learner.train.features))
        learner.validation = replace(learner.validation, features=layout.features(learner.validation.features))

    def done(learner: Learner, state: dict[str, Tensor]) -> None:
        model = learner.model
        if learner.error is not None:
            keep(learner.name, explained(learner.error, tables[learner.name], model.columns, model.config, None))
            return
        model.network.load_state_dict(state)
        model.network.to(device).eval()
        model.history = learner.history
        own = next(one for one in group if one.job.name == learner.name)
        calibrate(model, _tensors(own, own.job.validation))
        keep(learner.name, model)

    with seeded(group[0].config.seed, device):
        ManyLoop(stack, learners, clock, began, budget_seconds).run(on_epoch, done)


def _learner(one: _Ready) -> Learner:
    """A job with its first weights, and the generator as they left it: what it would have alone."""
    import torch

    from workbench.learning.devices import seeded
    from workbench.learning.many.loop import Learner
    from workbench.learning.networks import build
    from workbench.learning.networks.model import NetworkModel

    assert one.config.network is not None  # noqa: S101 - it was settled
    generator = torch.Generator()
    with seeded(one.config.seed, one.device):
        network = build(one.config.network, one.encoder.inputs)
        generator.set_state(torch.get_rng_state())
    model = NetworkModel(one.job.columns, one.encoder, one.config, network)
    return Learner(one.job.name, model, _tensors(one, one.job.train), _tensors(one, one.job.validation), generator)


def _tensors(one: _Ready, table: pa.Table) -> TensorTable:
    from workbench.learning.tensors import TensorTable

    return TensorTable.of(table, one.encoder, one.job.columns, one.device)
