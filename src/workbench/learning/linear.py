"""A linear model over encoded columns: the plainest thing that learns, and the easiest to explain.

Logistic regression (multinomial for several classes) or ridge regression on what a network's encoder hands over: the
normal scores of the numbers, their missing flags, and one indicator a category. scikit-learn fits it; what is kept are
its coefficients.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from workbench.learning.columns import Columns
from workbench.learning.config import EpochReport, Stop
from workbench.learning.encoding import Encoded, TableEncoder
from workbench.learning.encoding.target import labels
from workbench.learning.model import TabularModel

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from scipy.sparse import csr_matrix
    from torch import Tensor

__all__ = ["LinearModel", "linear"]

STRENGTHS = (1.0, 0.1, 0.01)
"""Inverse strengths of the L2 penalty that are tried, each from the weights of the one before."""

MOST_ROWS = 50_000
"""Training rows; with more, so few weights no longer change."""

SMALLEST = 1e-12


class LinearModel(TabularModel):
    """What :func:`linear` returns.

    Attributes:
        encoder: from a table to matrices.
        weights: ``(inputs, outputs)``, in the order scores, flags, indicators of each category.
        intercept: ``(outputs,)``.
    """

    kind: ClassVar[str] = "linear"

    def __init__(
        self,
        columns: Columns,
        encoder: TableEncoder,
        weights: npt.NDArray[np.float64],
        intercept: npt.NDArray[np.float64],
        history: list[EpochReport] | None = None,
    ) -> None:
        super().__init__(columns, history)
        self.encoder, self.weights, self.intercept = encoder, weights, intercept

    def uncalibrated(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """The weighted sum, as a value or through the logistic function."""
        return self.of_encoded(self.encoder.features(table))

    def of_encoded(self, encoded: Encoded) -> npt.NDArray[np.float64]:
        """As `uncalibrated`, of a table that the model's encoder has been through."""
        inputs = self.encoder.inputs
        numbers = np.hstack([encoded.numeric, encoded.flags])
        total = numbers @ self.weights[: numbers.shape[1]] + self.intercept
        first = numbers.shape[1]
        for codes, cardinality in zip(encoded.codes.T, inputs.cardinalities, strict=True):
            total += self.weights[first + codes]
            first += cardinality
        if self.columns.task == "regression":
            return np.asarray(total[:, 0] * self.encoder.target.scale + self.encoder.target.mean)
        logits = np.pad(total, ((0, 0), (1, 0))) if self.columns.task == "binary" else total
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        found = odds / odds.sum(axis=1, keepdims=True)
        return np.asarray(found[:, 1] if self.columns.task == "binary" else found)

    def body(self) -> dict[str, Any]:
        """Encoders and history."""
        return {"encoder": self.encoder.to_dict(), "history": [report.to_dict() for report in self.history]}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and intercept."""
        import torch

        return {
            "weights": torch.from_numpy(np.ascontiguousarray(self.weights)),
            "intercept": torch.from_numpy(np.ascontiguousarray(self.intercept)),
        }

    @classmethod
    def parsed(cls, columns: Columns, body: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> Self:
        """Weights that do not fit the encoders are refused."""
        encoder = TableEncoder.from_dict(body["encoder"], columns)
        inputs, outputs = encoder.inputs, encoder.inputs.outputs
        width = len(inputs.edges) + inputs.flags + sum(inputs.cardinalities)
        weights, intercept = tensors["weights"].double().numpy(), tensors["intercept"].double().numpy()
        if len(tensors) != 2 or weights.shape != (width, outputs) or intercept.shape != (outputs,):
            raise ValueError("the weights do not fit the columns")
        return cls(columns, encoder, weights, intercept, [EpochReport.from_dict(report) for report in body["history"]])


def linear(train: pa.Table, validation: pa.Table, columns: Columns, *, seed: int = 0) -> LinearModel:
    """Fit a linear model, and calibrate it; the validation rows choose the strength of the penalty.

    Args:
        train: the rows to learn from; :data:`MOST_ROWS` of them are drawn if there are more.
        validation: the rows that choose, and that calibrate.
        columns: target and features.
        seed: draws the rows.

    Raises:
        ModelError: a column or the target is not what it should be.
    """
    if train.num_rows > MOST_ROWS:
        drawn = np.random.default_rng(seed).choice(train.num_rows, MOST_ROWS, replace=False)
        train = train.take(np.sort(drawn))
    encoder = TableEncoder.fit(train, columns)
    learned, heldout = encoder.features(train), encoder.features(validation)
    matrix, y, judged = _matrix(encoder, learned), labels(train, columns), labels(validation, columns)
    estimator: Any = None
    history: list[EpochReport] = []
    best: LinearModel | None = None
    lowest = math.inf
    for number, strength in enumerate(STRENGTHS, start=1):
        estimator = _fit(columns.task, matrix, encoder.target.encode(y), strength, estimator)
        model = LinearModel(columns, encoder, *_weights(estimator, encoder.target.outputs))
        losses = [_loss(model, *pair) for pair in ((learned, y), (heldout, judged))]
        stopped: Stop | None = "epochs" if number == len(STRENGTHS) else None
        history.append(
            EpochReport(number, len(STRENGTHS), losses[0], losses[1], "loss", None, losses[1] < lowest, stopped)
        )
        if best is None or losses[1] < lowest:
            best, lowest = model, losses[1]
    assert best is not None  # noqa: S101 - there is one strength at least
    best.history = history
    best.calibrate(judged, best.of_encoded(heldout))
    return best


def _fit(task: str, matrix: csr_matrix, y: npt.NDArray[Any], strength: float, before: Any) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == "regression":
        return Ridge(alpha=1 / strength).fit(matrix, y.astype(np.float64))
    estimator = before or LogisticRegression(max_iter=100, tol=1e-3, warm_start=True)
    with warnings.catch_warnings():
        # A hundred steps are what a comparison is worth; the validation rows judge what came of them.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.set_params(C=strength).fit(matrix, y)


def _weights(estimator: Any, outputs: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """``(inputs, outputs)`` and ``(outputs,)``; a class that training rows lack is as good as impossible."""
    weights = np.atleast_2d(estimator.coef_).T.astype(np.float64)
    intercept = np.atleast_1d(estimator.intercept_).astype(np.float64)
    if outputs == 1:
        return weights.copy(), intercept.copy()
    if weights.shape[1] == 1:  # two classes were seen: the log-odds of the second
        weights, intercept = np.pad(weights, ((0, 0), (1, 0))), np.pad(intercept, (1, 0))
    seen = estimator.classes_.astype(int)
    every, offset = np.zeros((len(weights), outputs)), np.full(outputs, intercept.min() + math.log(SMALLEST))
    every[:, seen], offset[seen] = weights, intercept
    return every, offset


def _loss(model: LinearModel, encoded: Encoded, y: npt.NDArray[Any]) -> float:
    """Log loss in nats, or the squared error in units of the training target's variance."""
    from workbench.learning.metrics import compute

    found = compute(model.columns.task, y, model.of_encoded(encoded))
    if model.columns.task == "regression":
        return (found["rmse"] / model.encoder.target.scale) ** 2
    return found["log_loss"]


def _matrix(encoder: TableEncoder, encoded: Encoded) -> csr_matrix:
    """Scores, flags and indicators side by side, ``(rows, inputs)``."""
    from scipy import sparse

    inputs = encoder.inputs
    offsets = np.cumsum([0, *inputs.cardinalities])
    places = (encoded.codes + offsets[:-1]).ravel()
    rows = np.repeat(np.arange(len(encoded.codes)), len(inputs.cardinalities))
    shape = (len(encoded.codes), int(offsets[-1]))
    indicators = sparse.csr_matrix((np.ones(len(places)), (rows, places)), shape=shape)
    numbers = np.hstack([encoded.numeric, encoded.flags]).astype(np.float64)
    return sparse.hstack([sparse.csr_matrix(numbers), indicators], format="csr")
