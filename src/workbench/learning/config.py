"""How a network is trained, and what it tells of each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

from workbench.learning.compiling import CompileSetting
from workbench.learning.networks.specs import Spec

if TYPE_CHECKING:
    from workbench.learning.search import TrialReport

__all__ = ["SETTINGS", "EpochListener", "EpochReport", "Stop", "TrainConfig", "batch_size_for", "patience_for"]

Stop = Literal["patience", "epochs", "budget"]

STEPS = 200
"""Steps that an epoch of a small table should have: fewer, and there is little to average or to stop at."""

SMALLEST_BATCH = 32

PATIENT_STEPS = 200
"""Steps that training goes on at least without a better validation loss: of a small table, that is many epochs."""


@dataclass(frozen=True)
class TrainConfig:
    """The settings of :func:`workbench.learning.fit`.

    Args:
        seed: the same seed gives the same bits on the same processor with the same number of threads.
        epochs: at most so many passes over the training rows.
        batch_size: rows a step, at most; a small table takes fewer, see :func:`batch_size_for`.
        learning_rate: of AdamW.
        weight_decay: of AdamW, decoupled.
        patience: epochs without a lower validation loss before training stops; a small table has more, see
            :func:`patience_for`.
        device: ``auto`` (CUDA if there is one), ``cpu`` or ``cuda``.
        budget_seconds: wall-clock seconds after which the best weights so far are the result. A training that was
            cut off by it depends on the machine's speed.
        averaging: decay, a step, of the running mean of the weights, which is what is validated and kept.
        clipping: largest norm of a step's gradient.
        half: matrix products in bfloat16 where the processor has it; see
            :func:`~workbench.learning.devices.half_precision`.
        compile: whether the step is compiled: ``auto`` (on CUDA, where that is repaid), ``on`` or ``off``; see
            :mod:`workbench.learning.compiling`.
        memory_bytes: what a table may take, of this machine's memory and of the device's; None: most of what is free.
            Only tables that are streamed look at it; see :mod:`workbench.learning.streaming`.
        network: the architecture; None: what :func:`~workbench.learning.networks.defaults.default_spec` says.
    """

    seed: int = 17
    epochs: int = 200
    batch_size: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 3e-4
    patience: int = 6
    device: str = "auto"
    budget_seconds: float = math.inf
    averaging: float = 0.99
    clipping: float = 1.0
    half: bool = True
    compile: CompileSetting = "auto"
    memory_bytes: int | None = None
    network: Spec | None = None


SETTINGS = (
    "seed",
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "patience",
    "averaging",
    "clipping",
    "half",
    "compile",
)
"""The settings that a model's record holds; device, budget and memory are the machine's."""


def batch_size_for(rows: int, largest: int) -> int:
    """Rows a step: a power of two that gives a small table about :data:`STEPS` steps an epoch, or ``largest``."""
    wanted = 1 << round(math.log2(max(rows / STEPS, 1)))
    return min(largest, max(SMALLEST_BATCH, wanted))


def patience_for(rows: int, batch_size: int, patience: int) -> int:
    """Epochs to wait for a better one: ``patience``, but :data:`PATIENT_STEPS` steps at least."""
    return max(patience, math.ceil(PATIENT_STEPS / math.ceil(rows / batch_size)))


@dataclass(frozen=True)
class EpochReport:
    """What one epoch brought.

    Attributes:
        epoch: from 1.
        epochs: at most so many will follow one another.
        train_loss: mean over the epoch's batches, with dropout, while the weights changed.
        validation_loss: of the averaged weights, and of the members' mean prediction. Cross-entropy in nats; for a
            regression, the squared error in units of the training target's variance.
        metric: name of the metric that people read beside the loss: ``roc_auc``, ``accuracy`` or ``rmse``.
        value: it, on the validation rows; None if it is undefined there, as the AUC of one class is.
        best: whether no epoch before had a lower validation loss.
        stopped: why this is the last epoch; None if it is not.
        seconds: wall clock since the start. Not saved with a model: the same seed gives the same bytes.
    """

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float
    metric: str
    value: float | None
    best: bool
    stopped: Stop | None = None
    seconds: float = 0.0

    def metrics(self) -> dict[str, float]:
        """The numbers by name, for whoever draws curves."""
        found = {"train_loss": self.train_loss, "validation_loss": self.validation_loss}
        return found if self.value is None else {**found, f"validation_{self.metric}": self.value}

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the clock."""
        record = asdict(self)
        del record["seconds"]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EpochReport:
        """What :meth:`to_dict` wrote."""
        return cls(**{item.name: record[item.name] for item in fields(cls) if item.name != "seconds"})


class EpochListener(Protocol):
    """Told of each epoch; closed when there is nothing more to tell, also after an error."""

    def __call__(self, report: EpochReport) -> None:
        """Take note of one epoch."""

    def trial(self, report: TrialReport) -> None:
        """Take note of one trial of a search for settings."""

    def close(self) -> None:
        """Let go of what is held: a progress bar, numbers not yet sent."""
