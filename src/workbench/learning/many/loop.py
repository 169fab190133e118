"""Epochs of many tables at once: each its own order of rows, its own validation, its own end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.learning.config import EpochReport, Stop, patience_for
from workbench.learning.devices import half_precision
from workbench.learning.loop import NotFinite
from workbench.learning.many.rows import Rows
from workbench.learning.metrics import watched
from workbench.learning.objectives import ensemble_loss, predictions, row_losses
from workbench.learning.tensors import CHUNK_ROWS, Features, TensorTable

if TYPE_CHECKING:
    from workbench.learning.many.stack import Stack
    from workbench.learning.networks.model import NetworkModel

__all__ = ["Learner", "ManyLoop"]


@dataclass
class Learner:
    """One table of many.

    Attributes:
        name: the job's.
        model: its network has the first weights; in the end, the best.
        train: rows to learn from, as wide as the widest table's.
        validation: rows that decide when to stop, as wide.
        generator: what draws the order of the rows; it stands where the building of the network left it.
        history: a report an epoch.
        best: the lowest validation loss, and its epoch.
        error: why there is no model.
    """

    name: str
    model: NetworkModel
    train: TensorTable
    validation: TensorTable
    generator: torch.Generator
    history: list[EpochReport] = field(default_factory=list)
    best: tuple[float, int] | None = None
    error: NotFinite | None = None

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return math.ceil(len(self.train) / self.model.config.batch_size)

    def batches(self) -> tuple[Tensor, ...]:
        """The next epoch's, as :class:`~workbench.learning.loop.TrainingLoop` would draw them."""
        return torch.randperm(len(self.train), generator=self.generator).tensor_split(self.steps)


class ManyLoop:
    """Training of tables whose networks are of one architecture, and whose batches of one size.

    Args:
        stack: their networks.
        learners: the tables, in the order of the stack, those of most steps an epoch first: who has none left in an
            epoch is then always behind those who have.
        clock: seconds.
        began: when the budget began to run.
        budget_seconds: for all of them.
    """

    def __init__(
        self,
        stack: Stack,
        learners: Sequence[Learner],
        clock: Callable[[], float],
        began: float,
        budget_seconds: float = math.inf,
    ) -> None:
        self.stack, self.learners, self.clock, self.began, self.budget = (
            stack,
            list(learners),
            clock,
            began,
            budget_seconds,
        )
        first = learners[0]
        self.columns, self.device, self.half = first.model.columns, first.train.device, first.model.config.half
        self.rows = Rows(stack.first, [learner.model.config for learner in learners])
        self.judging = 0.0
        sizes = [(len(learner.train), len(learner.validation)) for learner in learners]
        begins = [list(accumulate(column, initial=0))[:-1] for column in zip(*sizes, strict=True)]
        self.places = list(zip(*begins, strict=True))  # where each table's rows begin among those of all
        self.train = TensorTable.joined([learner.train for learner in learners])
        self.validation = TensorTable.joined([learner.validation for learner in learners])
        self._place()

    def run(
        self, on_epoch: Callable[[str, EpochReport], None], on_done: Callable[[Learner, dict[str, Tensor]], None]
    ) -> None:
        """Train until there is nobody left.

        Args:
            on_epoch: told of each epoch of each table.
            on_done: given each table as it ends, with the state of its best epoch; of one with an error, of no use.
        """
        while self.learners:
            losses = self._learn()
            self._judge(losses)
            left = []
            for row, learner in enumerate(self.learners):
                if learner.error is None:
                    on_epoch(learner.name, learner.history[-1])
                if learner.error is not None or learner.history[-1].stopped is not None:
                    on_done(learner, self.stack.state_of(row, self.rows.best))
                else:
                    left.append(row)
            self._only(left)

    def _learn(self) -> list[float]:
        """One epoch of each table; the mean loss over its rows."""
        drawn = [learner.batches() for learner in self.learners]
        index, share = (part.to(self.device) for part in self._laid_out(drawn))
        losses = torch.zeros(index.shape[:2], device=self.device)
        taken = len(index)
        for step in range(len(index)):
            count = sum(len(batches) > step for batches in drawn)
            losses[step, :count] = self._step(index[step, :count], share[step, :count])
            if self._spent():
                taken = step + 1
                break
        # Looked at once an epoch: a look at every step would have a GPU wait for the CPU each time.
        found = losses.cpu().double()
        means = []
        for row, (learner, batches) in enumerate(zip(self.learners, drawn, strict=True)):
            own = found[: min(len(batches), taken), row]
            bad = torch.nonzero(~own.isfinite())
            if len(bad):
                first = int(bad[0])
                learner.error = NotFinite(own[first].item(), batches[first])
            sizes = torch.tensor([len(batch) for batch in batches[: len(own)]], dtype=torch.float64)
            means.append(float((own * sizes).sum() / sizes.sum()))
        return means

    def _laid_out(self, drawn: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, Tensor]:
        """``(steps, tables, b)``: places among the rows of all, and each one's share of its batch's mean loss.

        A batch that is a row shorter than the longest, or of which there is none, is filled up with rows of no share.
        """
        shape = len(drawn[0]), len(drawn), max(len(batches[0]) for batches in drawn)
        index, share = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape)
        for row, batches in enumerate(drawn):
            padded = torch.nn.utils.rnn.pad_sequence(list(batches), batch_first=True, padding_value=-1)
            steps, width = padded.shape
            there = padded >= 0
            index[:steps, row, :width] = padded.clamp(min=0) + self.places[row][0]
            share[:steps, row, :width] = there / there.sum(1, keepdim=True)
        return index, share

    def _step(self, index: Tensor, share: Tensor) -> Tensor:
        """A step of the first tables: rows and their shares, ``(n, b)``; each table's loss, ``(n,)``."""
        count = len(index)
        batch, target = self.train.batch(index.flatten())
        with torch.enable_grad():
            weights = self.rows.weights[:count].detach().requires_grad_()
            with half_precision(self.device, wanted=self.half):
                outputs = self.stack.outputs(weights, _split(batch, count), training=True)
            each = row_losses(self.columns.task, outputs.float(), target.view(count, -1))
            losses = (each * share).sum(1)
            (gradient,) = torch.autograd.grad(losses.sum(), weights)
        with torch.no_grad():
            self.rows.step(count, gradient)
        return losses.detach()

    def _judge(self, train_losses: Sequence[float]) -> None:
        """The validation rows of each table, seen by its averaged weights: a report, and whether it was the last."""
        began = self.clock()
        outputs = self._validation_outputs().cpu()
        better = []
        for row, (learner, train_loss) in enumerate(zip(self.learners, train_losses, strict=True)):
            own = outputs[row, : len(learner.validation)]
            target = learner.validation.target.cpu()
            loss = ensemble_loss(self.columns.task, own, target).item()
            if learner.error is None and not math.isfinite(loss):
                learner.error = NotFinite(loss)
            better.append(learner.error is None and (learner.best is None or loss < learner.best[0]))
            if learner.error is not None:
                continue
            predicted = predictions(learner.model.encoder.target, own).numpy()
            metric, value = watched(self.columns.task, learner.validation.labels, predicted)
            report = EpochReport(
                epoch=len(learner.history) + 1,
                epochs=learner.model.config.epochs,
                train_loss=train_loss,
                validation_loss=loss,
                metric=metric,
                value=value if math.isfinite(value) else None,
                best=better[-1],
            )
            if better[-1]:
                learner.best = (loss, report.epoch)
            learner.history.append(report)
        self.rows.keep_best(torch.tensor(better, device=self.device))
        now = self.clock()
        self.judging, spent = now - began, self._spent()
        for learner in self.learners:
            if learner.error is None:
                stopped = _stop(learner, spent=spent)
                learner.history[-1] = replace(learner.history[-1], stopped=stopped, seconds=now - self.began)

    def _validation_outputs(self) -> Tensor:
        """``(tables, rows of the largest, members, outputs)``."""
        count = len(self.learners)
        with torch.inference_mode():
            return torch.cat(
                [
                    self.stack.outputs(
                        self.rows.average,
                        _split(self.validation.batch(chunk.flatten())[0], count),
                        training=False,
                    )
                    for chunk in torch.split(self.judged, max(CHUNK_ROWS // count, 1), dim=1)
                ],
                dim=1,
            )

    def _spent(self) -> bool:
        if math.isinf(self.budget):
            return False
        return self.clock() - self.began + 2 * self.judging >= self.budget

    def _only(self, rows: list[int]) -> None:
        """Go on with some of the tables."""
        if len(rows) == len(self.learners):
            return
        self.learners = [self.learners[row] for row in rows]
        self.places = [self.places[row] for row in rows]
        self.stack.only(rows)
        self.rows.only(torch.tensor(rows, dtype=torch.int64, device=self.device))
        self._place()

    def _place(self) -> None:
        """Where all validation rows lie, ``(tables, most rows)``; of a shorter table, its last row again and again."""
        if not self.learners:
            return
        sizes = torch.tensor([len(learner.validation) for learner in self.learners])
        begins = torch.tensor([begin for _, begin in self.places])
        rows = torch.arange(int(sizes.max())).minimum(sizes.unsqueeze(1) - 1)
        self.judged = (rows + begins.unsqueeze(1)).to(self.device)


def _stop(learner: Learner, *, spent: bool) -> Stop | None:
    config, epoch = learner.model.config, len(learner.history)
    assert learner.best is not None  # noqa: S101 - there is one epoch at least
    if spent:
        return "budget"
    if epoch - learner.best[1] >= patience_for(len(learner.train), config.batch_size, config.patience):
        return "patience"
    return "epochs" if epoch >= config.epochs else None


def _split(features: Features, count: int) -> Features:
    """Rows of tables one after the other → ``(tables, rows, columns)``."""
    numeric, flags, codes = (part.view(count, len(part) // count, part.shape[1]) for part in features)
    return numeric, flags, codes
