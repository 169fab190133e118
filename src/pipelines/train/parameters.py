"""The parameters of ``train``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TrainParameters"]


class TrainParameters(BaseModel):
    """``params:train``. How long a training may take is the client's ``budgets.train_seconds``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(17, ge=0, lt=2**32, description="Of weights, batches, dropout and of the boosting baseline.")
    epochs: int = Field(200, ge=1, description="Passes over the training rows, at most.")
    batch_size: int = Field(1024, ge=1, description="Rows a step, at most; small tables take fewer.")
    learning_rate: float = Field(0.002, gt=0, lt=1, description="Of AdamW.")
    weight_decay: float = Field(0.0003, ge=0, lt=1, description="Of AdamW.")
    patience: int = Field(
        6, ge=1, description="Epochs without a lower validation loss before training stops; small tables wait longer."
    )
    checkpoints: str | None = Field(
        "models",
        pattern=r"^[\w-]+(/[\w-]+)*$",
        description="Folder in the project: a training that was killed goes on from <folder>/<client>/training.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` is CUDA if there is one, else the CPU.")
