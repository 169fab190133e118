"""How a language model is tuned, and what is told of each round."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

__all__ = ["Stop", "TuneConfig", "TuneReport"]

Stop = Literal["epochs", "budget"]


@dataclass(frozen=True)
class TuneConfig:
    """The settings of :func:`workbench.learning.language.tune`.

    Args:
        method: ``lora`` trains adapters of low rank beside frozen weights, ``full`` all weights.
        lora_rank: r of the adapters.
        lora_alpha: the adapters' output is scaled by alpha / r.
        lora_dropout: before the adapters.
        lora_targets: ``all-linear`` (all but the head), or names of modules with commas between.
        merge: whether :meth:`Tuned.save` adds the adapters to the weights.
        sequence_length: tokens of a packed sequence, at most. Longer examples are left out.
        packs_per_step: sequences whose gradients one update sums; each is a forward pass of its own.
        epochs: passes over the examples, at most.
        learning_rate: the highest; it rises linearly for ``warmup`` of all steps and falls as a cosine to 0.
        weight_decay: of AdamW, decoupled; matrices only.
        warmup: share of the steps.
        clip: largest norm of a step's gradient.
        steps_per_round: a round ends after so many steps, and with each epoch: it is validated and checkpointed.
        budget_seconds: wall-clock seconds, those before an interruption included. The schedule does not know of it.
        gradient_checkpointing: ``on``, ``off``, or ``auto``: from the step on at which CUDA's memory runs out.
        seed: the same seed gives the same bits on the same processor with the same number of threads.
        device: ``auto`` (CUDA if there is one), ``cpu`` or ``cuda``.
    """

    method: Literal["lora", "full"] = "lora"
    lora_rank: int = 16
    lora_alpha: float = 32.0
    lora_dropout: float = 0.0
    lora_targets: str = "all-linear"
    merge: bool = False
    sequence_length: int = 2048
    packs_per_step: int = 4
    epochs: int = 3
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    warmup: float = 0.05
    clip: float = 1.0
    steps_per_round: int = 100
    budget_seconds: float = math.inf
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    seed: int = 17
    device: str = "auto"

    def __post_init__(self) -> None:
        # 32 and 32.0 are one setting; as JSON, and so as a part of a digest, they would be two.
        for item in fields(self):
            if item.type == "float":
                object.__setattr__(self, item.name, float(getattr(self, item.name)))

    def to_dict(self) -> dict[str, Any]:
        """What the result depends on, for JSON: budget, device and checkpointing are the machine's."""
        record = asdict(self)
        for name in ("budget_seconds", "device", "gradient_checkpointing"):
            del record[name]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TuneConfig:
        """What :meth:`to_dict` wrote."""
        return cls(**record)


@dataclass(frozen=True)
class TuneReport:
    """What one round brought.

    Attributes:
        step: updates of the weights so far; 0 is the base model.
        steps: of the whole training.
        train_loss: mean over the round's response tokens, in nats, while the weights changed; None at step 0.
        validation_loss: mean over the validation examples' response tokens.
        tokens: that went through the model in training, so far.
        best: whether no round before had a lower validation loss.
        stopped: why this is the last round; None if it is not.
        seconds: wall clock, those before an interruption included. Not in a saved record: it is not the model's.
    """

    step: int
    steps: int
    train_loss: float | None
    validation_loss: float
    tokens: int
    best: bool
    stopped: Stop | None = None
    seconds: float = field(default=0.0, compare=False)

    def metrics(self) -> dict[str, float]:
        """The numbers by name, for whoever draws curves."""
        found = {"tune_validation_loss": self.validation_loss}
        return found if self.train_loss is None else {**found, "tune_train_loss": self.train_loss}

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the clock."""
        record = asdict(self)
        del record["seconds"]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TuneReport:
        """What :meth:`to_dict` wrote."""
        return cls(**{item.name: record[item.name] for item in fields(cls) if item.name != "seconds"})
