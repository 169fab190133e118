"""The training loop, straight down: encode, build, then epochs until patience, epochs or budget are used up.

- AdamW (Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019) at a constant rate.
- What is validated and kept is a running mean of the weights (Polyak, Juditsky 1992; Izmailov and others: "Averaging
  weights leads to wider optima", UAI 2018): it does what a decaying rate does, without knowing when training will end.
- The table lies on the device as tensors; a batch is gathered by index. Batches of an epoch differ by one row at most.
- The best epoch is that of the lowest validation loss; its weights are the result, whatever came later.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.learning.config import EpochReport, Stop, TrainConfig, batch_size_for
from workbench.learning.model import TabularModel

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor, nn

    from workbench.learning.columns import Columns
    from workbench.learning.tensors import TensorTable

__all__ = ["fit"]


def fit(
    train: pa.Table,
    validation: pa.Table,
    columns: Columns,
    config: TrainConfig | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> TabularModel:
    """Train a network.

    Args:
        train: the rows that encoders and weights are fitted on.
        validation: the rows that decide when to stop.
        columns: target and features; both tables have them, and may have more.
        config: how.
        on_epoch: told of each epoch, as it ends.
        clock: seconds; the budget is measured by it.

    Returns:
        The model of the best epoch, on the device that it was trained on.

    Raises:
        ModelError: a column or the target is not what it should be, a loss is not a number, or memory ran out.
    """
    from workbench.learning.devices import enough_memory, pick_device, seeded
    from workbench.learning.encoding import TableEncoder
    from workbench.learning.networks import build
    from workbench.learning.tensors import TensorTable

    began = clock()
    config = config or TrainConfig()
    device = pick_device(config.device)
    if not validation.num_rows:
        raise ModelError("there is no validation row", hint="look at the split in client.yml, and at the recipe")
    encoder = TableEncoder.fit(train, columns)
    config = replace(config, batch_size=batch_size_for(train.num_rows, config.batch_size))
    with enough_memory(config.batch_size), seeded(config.seed, device):
        learned = TensorTable.of(train, encoder, columns, device)
        judged = TensorTable.of(validation, encoder, columns, device)
        network = build(config.network, encoder.inputs).to(device)
        model = TabularModel(columns, encoder, config, network)
        history = _Loop(model, learned, judged, clock, began).run(on_epoch or (lambda _: None))
    model.history = history
    network.eval()
    return model


class _Loop:
    """What changes while a network is trained."""

    def __init__(
        self,
        model: TabularModel,
        train: TensorTable,
        validation: TensorTable,
        clock: Callable[[], float],
        began: float,
    ) -> None:
        import torch
        from torch.optim.swa_utils import AveragedModel

        config = model.config
        self.model, self.config, self.train, self.validation = model, config, train, validation
        self.clock, self.began = clock, began
        self.network: nn.Module = model.network
        self.average = AveragedModel(self.network, multi_avg_fn=_running_mean(config.averaging))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.judging = 0.0  # seconds that the last validation took, kept free in the budget for the next one

    def run(self, on_epoch: Callable[[EpochReport], None]) -> list[EpochReport]:
        """Train until there is a reason to stop, and leave the best weights in the network."""
        history: list[EpochReport] = []
        best: tuple[float, int, dict[str, Tensor]] | None = None
        while not history or history[-1].stopped is None:
            train_loss = self._learn()
            report = self._judge(len(history) + 1, train_loss)
            if best is None or report.validation_loss < best[0]:
                weights = {name: value.clone() for name, value in self.average.module.state_dict().items()}
                best = (report.validation_loss, report.epoch, weights)
            report = replace(report, best=best[1] == report.epoch, stopped=self._stop(report.epoch, best[1]))
            history.append(report)
            on_epoch(report)
        assert best is not None  # noqa: S101 - there is one epoch at least
        self.network.load_state_dict(best[2])
        return history

    def _learn(self) -> float:
        """One pass over the training rows, or as much of it as the budget allows; the mean loss of a row."""
        import torch

        from workbench.learning.objectives import loss

        self.network.train()
        rows = len(self.train)
        order = torch.randperm(rows).to(self.train.device)
        total, seen = torch.zeros((), device=self.train.device), 0
        for index in order.tensor_split(math.ceil(rows / self.config.batch_size)):
            batch, target = self.train.batch(index)
            self.optimizer.zero_grad()
            value = loss(self.model.columns.task, self.network(*batch), target)
            value.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.average.update_parameters(self.network)
            total += value.detach() * len(index)
            seen += len(index)
            if self._spent():
                break
        return self._checked(total.item() / seen, "training")

    def _judge(self, epoch: int, train_loss: float) -> EpochReport:
        """The validation rows, seen by the averaged weights."""
        from workbench.learning.metrics import watched
        from workbench.learning.objectives import loss, predictions

        began = self.clock()
        self.average.eval()
        outputs = self.validation.outputs(self.average.module)
        value = loss(self.model.columns.task, outputs, self.validation.target).item()
        predicted = predictions(self.model.encoder.target, outputs).cpu().numpy()
        metric, number = watched(self.model.columns.task, self.validation.labels, predicted)
        now = self.clock()
        self.judging = now - began
        return EpochReport(
            epoch=epoch,
            epochs=self.config.epochs,
            train_loss=train_loss,
            validation_loss=self._checked(value, "validation"),
            metric=metric,
            value=number if math.isfinite(number) else None,
            best=False,
            seconds=now - self.began,
        )

    def _stop(self, epoch: int, best: int) -> Stop | None:
        if self._spent():
            return "budget"
        if epoch - best >= self.config.patience:
            return "patience"
        return "epochs" if epoch >= self.config.epochs else None

    def _spent(self) -> bool:
        return self.clock() - self.began + self.judging >= self.config.budget_seconds

    def _checked(self, value: float, which: str) -> float:
        if math.isfinite(value):
            return value
        raise ModelError(
            f"the {which} loss became {value} with a learning rate of {self.config.learning_rate:g}",
            hint="set train.learning_rate ten times lower, and look for extreme values in the target",
        )


def _running_mean(decay: float) -> Callable[..., None]:
    """An update that forgets faster at first, so that the random start does not linger; ``decay`` is reached later."""
    import torch

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], steps: Tensor | int) -> None:
        keep = min(decay, (1 + int(steps)) / (10 + int(steps)))
        for mean, value in zip(averaged, current, strict=True):
            mean.lerp_(value, 1 - keep)

    return update
