"""One network's training, epoch by epoch, with all that a checkpoint has to hold."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.learning.checkpoint import Checkpoint, put_random_states, random_states
from workbench.learning.config import EpochReport, Stop, patience_for
from workbench.learning.repaying import CompileWatch
from workbench.learning.steps import Stepper, halved
from workbench.learning.together import Alone

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workbench.learning.checkpoint import Learned
    from workbench.learning.networks.model import NetworkModel
    from workbench.learning.tensors import TensorTable
    from workbench.learning.together import Crew

__all__ = ["NotFinite", "TrainingLoop"]


class NotFinite(Exception):
    """A batch's loss was not a number.

    Args:
        rows: the places of its rows among the training rows; None: it was the validation loss.
        value: the loss.
    """

    def __init__(self, value: float, rows: Tensor | None = None) -> None:
        super().__init__(value, rows)
        self.value, self.rows = value, rows


class TrainingLoop:
    """What changes while a network is trained.

    Args:
        model: its network is trained in place; ``model.config.batch_size`` is halved when memory does not hold a batch.
        train: rows to learn from.
        validation: rows that decide when to stop.
        clock: seconds.
        began: when the budget began to run.
        crew: the processes that train together.

    Attributes:
        history: a report an epoch.
    """

    def __init__(
        self,
        model: NetworkModel,
        train: Learned,
        validation: Learned,
        clock: Callable[[], float],
        began: float,
        *,
        crew: Crew | None = None,
    ) -> None:
        config = model.config
        self.model, self.config, self.train, self.validation = model, config, train, validation
        self.clock, self.began, self.crew = clock, began, crew or Alone()
        self.network: nn.Module = model.network
        self.step = Stepper(model, train.device, self.crew)
        self.batch_size = config.batch_size
        self.history: list[EpochReport] = []
        self.best: tuple[float, int, dict[str, Tensor]] | None = None
        self.watch = CompileWatch()
        self.judging = 0.0  # seconds that a validation takes; two have to fit: the next epoch's, and calibration

    def run(self, on_epoch: Callable[[EpochReport], None], save: Callable[[Checkpoint], None] | None = None) -> None:
        """Train until there is a reason to stop, and leave the best weights in the network.

        Args:
            on_epoch: told of each epoch.
            save: given a checkpoint after each epoch but the last.

        Raises:
            NotFinite: a loss was not a number.
        """
        if self.config.compile == "on":
            self.step.compile()
        while not self.history or self.history[-1].stopped is None:
            train_loss = self._learn()
            report = self._judge(len(self.history) + 1, train_loss)
            if self.best is None or report.validation_loss < self.best[0]:
                weights = {name: value.clone() for name, value in self.step.average.network.state_dict().items()}
                self.best = (report.validation_loss, report.epoch, weights)
            report = replace(report, best=self.best[1] == report.epoch, stopped=self._stop(report.epoch, self.best[1]))
            self.history.append(report)
            self.watch.consider(self)
            if save and report.stopped is None:
                save(self.checkpoint())  # before anybody is told: who heard of an epoch can rely on it
            on_epoch(report)
        assert self.best is not None  # noqa: S101 - there is one epoch at least
        self.network.load_state_dict(self.best[2])
        self.model.config = replace(self.config, batch_size=self.batch_size)
        self.model.history = self.history

    def checkpoint(self) -> Checkpoint:
        """All that :meth:`resume` needs."""
        assert self.best is not None  # noqa: S101 - called after an epoch
        loss, epoch, weights = self.best
        best = {f"best/{name}": value for name, value in weights.items()}
        record = {
            "steps": self.step.average.steps,
            "batch_size": self.batch_size,
            "compiled": self.step.compiled,
            "best": [loss, epoch],
            "seconds": self.clock() - self.began,
            "history": [report.to_dict() | {"seconds": report.seconds} for report in self.history],
        }
        return Checkpoint({**self.step.tensors(), **best, **random_states(self.train.device)}, record)

    def resume(self, found: Checkpoint) -> None:
        """Stand where a checkpoint was made. The seconds used before it count towards the budget."""
        self.step.resume(found)
        self.batch_size = int(found.record["batch_size"])
        loss, epoch = found.record["best"]
        self.best = (float(loss), int(epoch), found.part("best"))
        self.history = [
            replace(EpochReport.from_dict(report), seconds=float(report["seconds"]))
            for report in found.record["history"]
        ]
        self.began -= float(found.record["seconds"])
        put_random_states(found.part("random"), self.train.device)

    def _learn(self) -> float:
        """One pass over the training rows, or as much of it as the budget allows; the mean loss of a row."""
        import torch

        self.network.train()
        began, steps = self.clock(), 0
        total = torch.zeros(2, dtype=torch.float64)
        with closing(self.train.parts(len(self.history))) as parts:
            for part in parts:
                losses, sizes, spent = self._learn_part(part)
                total += torch.stack([(losses * sizes).sum(), sizes.sum()])
                steps += len(losses)
                if spent:
                    break
        self.watch.learning.append((self.step.compiled, self.clock() - began, steps))
        summed, seen = self.crew.total(total.to(self.train.device)).tolist()
        return float(summed / seen)

    def _learn_part(self, part: TensorTable) -> tuple[Tensor, Tensor, bool]:
        """Every row of a table that lies on the device: each batch's loss and size; whether the budget is spent."""
        import torch

        waiting = deque(self._split(self.crew.order(torch.randperm(len(part)).to(part.device))))
        taken: list[Tensor] = []
        losses: list[Tensor] = []
        spent = False
        while waiting and not spent:
            value = self.step(part, waiting[0])
            if value is None:
                self.batch_size = halved(len(waiting[0]))
                waiting = deque(self._split(torch.cat(tuple(waiting))))
                continue
            taken.append(self.crew.part(waiting.popleft()))
            losses.append(value)
            spent = self._spent()
        # Looked at once a part: a look at every step would have a GPU wait for the CPU each time.
        found = torch.stack(losses).cpu().double()
        bad = torch.nonzero(~found.isfinite())
        if len(bad):
            first = int(bad[0])
            raise NotFinite(found[first].item(), part.places(taken[first]))
        return found, torch.tensor([len(index) for index in taken], dtype=torch.float64), spent

    def _split(self, order: Tensor) -> tuple[Tensor, ...]:
        """Batches whose sizes differ by one row at most."""
        return order.tensor_split(math.ceil(len(order) / self.batch_size))

    def _judge(self, epoch: int, train_loss: float) -> EpochReport:
        """The validation rows, seen by the averaged weights."""
        from workbench.learning.metrics import watched

        began = self.clock()
        value, predicted = self.validation.judged(self.step.average.network, self.model.encoder.target)
        if not math.isfinite(value):
            raise NotFinite(value)
        metric, number = watched(self.model.columns.task, self.validation.labels, predicted)
        now = self.clock()
        self.judging = now - began
        return EpochReport(
            epoch=epoch,
            epochs=self.config.epochs,
            train_loss=train_loss,
            validation_loss=value,
            metric=metric,
            value=number if math.isfinite(number) else None,
            best=False,
            seconds=now - self.began,
        )

    def _stop(self, epoch: int, best: int) -> Stop | None:
        if self._spent():
            return "budget"
        if epoch - best >= patience_for(len(self.train), self.batch_size, self.config.patience):
            return "patience"
        return "epochs" if epoch >= self.config.epochs else None

    def _spent(self) -> bool:
        if math.isinf(self.config.budget_seconds):
            return False
        return self.crew.first(self.clock() - self.began + 2 * self.judging >= self.config.budget_seconds)
