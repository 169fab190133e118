"""Boosted trees as a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from workbench.learning.boosting.table import TreeColumns
from workbench.learning.boosting.trees import Trees
from workbench.learning.columns import Columns
from workbench.learning.config import EpochReport
from workbench.learning.model import TabularModel

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from torch import Tensor

__all__ = ["BoostingModel"]


class BoostingModel(TabularModel):
    """What :func:`workbench.learning.boosting.fit.boosting` returns.

    Attributes:
        table: what the trees see of a table.
        trees: they.
        start: what their sum begins with, ``(outputs,)``.
        seen: for several classes, the places of those that training rows had; the others have no probability.
    """

    kind: ClassVar[str] = "boosting"

    def __init__(
        self,
        columns: Columns,
        table: TreeColumns,
        trees: Trees,
        start: Sequence[float],
        *,
        seen: Sequence[int] = (),
        history: list[EpochReport] | None = None,
    ) -> None:
        super().__init__(columns, history)
        self.table, self.trees = table, trees
        self.start, self.seen = tuple(start), tuple(seen)

    @property
    def rounds(self) -> int:
        """How often a tree an output was added."""
        return len(self.trees) // len(self.start)

    def uncalibrated(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """The trees' sum, as a value or through the logistic function."""
        total = self.trees.predict(self.table.matrix(table), np.array(self.start))
        if self.columns.task == "regression":
            return total[:, 0]
        logits = np.pad(total, ((0, 0), (1, 0))) if len(self.start) == 1 else total  # the log-odds of 1, as two logits
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        known = odds / odds.sum(axis=1, keepdims=True)
        if self.columns.task == "binary":
            return np.asarray(known[:, 1])
        found = np.zeros((len(known), len(self.columns.classes or ())))
        found[:, self.seen] = known
        return found

    def body(self) -> dict[str, Any]:
        """Vocabularies, the start, the classes that were seen, and the history."""
        return {
            "table": self.table.to_dict(),
            "start": list(self.start),
            "seen": list(self.seen),
            "history": [report.to_dict() for report in self.history],
        }

    def tensors(self) -> dict[str, Tensor]:
        """The trees' arrays."""
        import torch

        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in self.trees.to_arrays().items()}

    @classmethod
    def parsed(cls, columns: Columns, body: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> Self:
        """Trees that lead nowhere, and a number of outputs that does not fit the task, are refused."""
        table = TreeColumns.from_dict(body["table"])
        trees = Trees.from_arrays({name: tensor.numpy() for name, tensor in tensors.items()}, len(table))
        start, seen = [float(value) for value in body["start"]], [int(place) for place in body["seen"]]
        several = columns.task == "multiclass"
        outputs = (1 if len(seen) == 2 else len(seen)) if several else 1
        if len(start) != outputs or len(trees) % outputs or not np.isfinite(start).all():
            raise ValueError("the trees do not fit the task")
        if several and seen != sorted(set(seen) & set(range(len(columns.classes or ())))):
            raise ValueError("the classes that were seen are none of the task's")
        history = [EpochReport.from_dict(report) for report in body["history"]]
        return cls(columns, table, trees, start, seen=seen, history=history)
