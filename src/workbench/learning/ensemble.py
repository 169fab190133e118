"""A weighted mean of models: what several kinds of models know together.

Caruana, Niculescu-Mizil, Crew, Ksikes: "Ensemble selection from libraries of models", ICML 2004, section 2: from the
validation predictions of all models, the one that helps the mean most is added, with replacement, again and again; how
often each was added is its weight (:func:`greedy`).

On few rows such weights follow chance, and so does the choice of a single model. Unless their mean is surely better,
models that the rows cannot tell from the best (:func:`alike`) therefore get half of their weight by the greedy choice,
and half of it alike (:func:`hedged`): estimated weights combined with equal ones, as in Diebold and Pauly: "The use of
prior information in forecast combination", International Journal of Forecasting 1990.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from workbench.learning.calibration import SMALLEST
from workbench.learning.columns import Columns
from workbench.learning.model import TabularModel, from_parts

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from torch import Tensor

__all__ = ["EnsembleModel", "alike", "greedy", "hedged"]

ROUNDS = 20
"""Models that are added, the same one again and again if need be: weights are multiples of a twentieth or more."""

STANDARD_ERRORS = 2.0
"""By how many a model's loss must be higher than the best's, for the rows to have told them apart."""


class EnsembleModel(TabularModel):
    """The weighted mean of what its members predict, each calibrated, and calibrated once more as a whole.

    Attributes:
        members: by kind.
        weights: of each member, positive; they sum to 1.
    """

    kind: ClassVar[str] = "ensemble"

    def __init__(self, columns: Columns, members: Mapping[str, TabularModel], weights: Mapping[str, float]) -> None:
        longest = max((member.history for member in members.values()), key=len)
        super().__init__(columns, members["network"].history if "network" in members else longest)
        self.members, self.weights = dict(members), dict(weights)

    def uncalibrated(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """The weighted mean."""
        return self.mean({name: member.predict(table) for name, member in self.members.items()})

    def mean(self, predicted: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """The weighted mean of what the members said."""
        return np.asarray(sum(weight * predicted[name] for name, weight in self.weights.items()))

    def body(self) -> dict[str, Any]:
        """The members' records and weights."""
        return {"weights": self.weights, "members": {name: member.record() for name, member in self.members.items()}}

    def tensors(self) -> dict[str, Tensor]:
        """The members' tensors, the member's name before each."""
        return {
            f"{name}/{key}": value for name, member in self.members.items() for key, value in member.tensors().items()
        }

    @classmethod
    def parsed(cls, columns: Columns, body: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> Self:
        """Members of other columns, ensembles of ensembles, and weights that do not sum to 1, are refused."""
        weights = {str(name): float(weight) for name, weight in body["weights"].items()}
        sound = bool(weights) and min(weights.values()) > 0 and math.isclose(sum(weights.values()), 1)
        if not sound or weights.keys() != body["members"].keys():
            raise ValueError("the weights are not those of a mean")
        members: dict[str, TabularModel] = {}
        for name, record in body["members"].items():
            own = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
            if record["kind"] != name or name == cls.kind or Columns.from_dict(record["columns"]) != columns:
                raise ValueError(f"member '{name}' is not one of this ensemble")
            members[name] = from_parts(record, own, device)
        if sum(len(member.tensors()) for member in members.values()) != len(tensors):
            raise ValueError("there are tensors of no member")
        return cls(columns, members, weights)


def greedy(
    task: str, y: npt.NDArray[Any], predicted: Mapping[str, npt.NDArray[np.float64]], metric: str
) -> dict[str, float]:
    """The weights of the best mean that a greedy choice finds; a single name with weight 1 if no mean is better.

    Args:
        task: binary, multiclass or regression.
        y: validation labels.
        predicted: what each model says of the validation rows; of equally good ones, the first is taken.
        metric: what is to be best.
    """
    from workbench.learning.metrics import better, compute

    def score(prediction: npt.NDArray[np.float64]) -> float:
        return compute(task, y, prediction)[metric]

    taken: list[str] = []
    total: Any = 0.0
    best: tuple[float, int] = (math.nan, 0)
    for number in range(1, ROUNDS + 1):
        chosen, value = "", math.nan
        for name, prediction in predicted.items():
            found = score((total + prediction) / number)
            if not chosen or better(metric, found, value):
                chosen, value = name, found
        taken.append(chosen)
        total = total + predicted[chosen]
        if number == 1 or better(metric, value, best[0]):
            best = (value, number)
    counts = Counter(taken[: best[1]])
    return {name: counts[name] / best[1] for name in predicted if counts[name]}


def alike(
    task: str, y: npt.NDArray[Any], predicted: Mapping[str, npt.NDArray[np.float64]], best: str
) -> tuple[str, ...]:
    """The best model, and those whose loss is not surely higher: the rows cannot tell these apart.

    The loss of a row is its squared error, or its log loss; the standard error is that of the mean difference of two
    models on the same rows, which unlike an interval of resamples still says something of thirty.

    Args:
        task: binary, multiclass or regression.
        y: validation labels; of classes, their numbers.
        predicted: what each model says of the validation rows.
        best: the name of the best by whatever metric.
    """
    losses = {name: _losses(task, y, prediction) for name, prediction in predicted.items()}

    def close(name: str) -> bool:
        worse = losses[name] - losses[best]
        return bool(worse.any() and worse.mean() <= STANDARD_ERRORS * worse.std(ddof=1) / math.sqrt(len(worse)))

    return tuple(name for name in predicted if name == best or close(name))


def hedged(weights: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Half of the weights as they are, half alike among `names`."""
    mixed = {name: weight / 2 for name, weight in weights.items()}
    for name in names:
        mixed[name] = mixed.get(name, 0.0) + 0.5 / len(names)
    return mixed


def _losses(task: str, y: npt.NDArray[Any], prediction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each row; ``(rows,)``."""
    if task == "regression":
        return np.asarray((y - prediction) ** 2)
    both = np.stack([1 - prediction, prediction], axis=1) if task == "binary" else prediction
    return np.asarray(-np.log(np.clip(both[np.arange(len(y)), y.astype(np.int64)], SMALLEST, 1)))
