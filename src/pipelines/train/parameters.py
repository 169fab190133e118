"""The parameters of ``train``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from workbench.errors import ModelError
from workbench.learning.candidates import check_names

__all__ = ["TrainParameters"]


class TrainParameters(BaseModel):
    """``params:train``. How long a training may take is ``budgets.train_seconds`` of the client, unless said here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: tuple[str, ...] = Field(
        ("tabm", "boosting", "linear"), description="What is trained, of tabm, boosting and linear; the best goes on."
    )
    ensemble: bool = Field(
        True,
        description="Whether a weighted mean may go on: if it is surely better, or none of them is surely the best.",
    )
    budget_seconds: float | None = Field(
        None, gt=0, description="Wall-clock seconds for all candidates; null: the client's `budgets.train_seconds`."
    )
    tune: int = Field(
        0, ge=0, le=10_000, description="Trials of a search for the network's settings, in the same budget; 0: none."
    )
    seed: int = Field(17, ge=0, lt=2**32, description="Of weights, batches, dropout, and of the boosting.")
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
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether the network's training is compiled; `auto`: on CUDA, where that is repaid."
    )
    memory_mb: int | None = Field(
        None,
        ge=1,
        description="Megabytes that the table may take, here and on the device; a larger one is streamed from its file."
        " null: 60 % of what is free here, 80 % of what is free on a GPU.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` is CUDA if there is one, else the CPU.")

    @field_validator("candidates")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            check_names(value)
        except ModelError as error:
            raise ValueError(str(error)) from error
        return value

    def of_network(self) -> dict[str, Any]:
        """The settings of the network's training, as :class:`workbench.learning.TrainConfig` takes them."""
        others = {"candidates", "ensemble", "budget_seconds", "tune", "checkpoints", "memory_mb"}
        return {**self.model_dump(exclude=others), "memory_bytes": self.memory_bytes}

    @property
    def memory_bytes(self) -> int | None:
        """:attr:`memory_mb` in bytes."""
        return None if self.memory_mb is None else self.memory_mb << 20
