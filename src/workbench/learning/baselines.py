"""What a network has to be better than: gradient boosting, and the plainest guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.arrow import numbers, texts
from workbench.learning.encoding.categorical import KNOWN, CategoricalColumn
from workbench.learning.encoding.target import TargetCoder, labels

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["Boosting", "Majority", "boosting", "majority"]

MOST_CATEGORIES = 250
"""HistGradientBoosting takes 255 values of a category; the commonest are kept, the others count as missing."""


@dataclass(frozen=True)
class Majority:
    """Says the same of every row.

    Attributes:
        task: binary, multiclass or regression.
        guess: the share of 1, the share of each class, or the mean, among the training rows.
    """

    task: str
    guess: npt.NDArray[np.float64]

    def predict(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """As :meth:`workbench.learning.TabularModel.predict`."""
        return np.repeat(self.guess, table.num_rows, axis=0) if self.task == "multiclass" else np.full(
            table.num_rows, self.guess[0]
        )  # fmt: skip


@dataclass(frozen=True)
class Boosting:
    """scikit-learn's HistGradientBoosting with native categories and missing values.

    Attributes:
        columns: what it predicts.
        numeric: the number columns that it reads: those with a value in some training row.
        categorical: the vocabularies of the category columns that it reads.
        estimator: the fitted estimator.
    """

    columns: Columns
    numeric: tuple[str, ...]
    categorical: tuple[CategoricalColumn, ...]
    estimator: Any

    def predict(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """As :meth:`workbench.learning.TabularModel.predict`."""
        values = _matrix(table, self.numeric, self.categorical)
        if self.columns.task == "regression":
            return np.asarray(self.estimator.predict(values), dtype=np.float64)
        known = self.estimator.classes_.astype(np.int64)
        found = np.zeros((len(values), len(self.columns.classes or (0, 1))))
        found[:, known] = self.estimator.predict_proba(values)
        return found if self.columns.task == "multiclass" else found[:, 1]


def majority(train: pa.Table, columns: Columns) -> Majority:
    """Learn the guess from the training rows."""
    y = labels(train, columns)
    if columns.task == "multiclass":
        return Majority(columns.task, (np.bincount(y, minlength=len(columns.classes or ())) / len(y))[None, :])
    return Majority(columns.task, np.array([y.mean()]))


def boosting(
    train: pa.Table, validation: pa.Table, columns: Columns, *, seed: int = 0, iterations: int = 500
) -> Boosting:
    """Fit gradient boosting; the validation rows decide when it stops, as they do for a network.

    Raises:
        ModelError: a column or the target is not what it should be.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    y, judged = labels(train, columns), labels(validation, columns)
    TargetCoder.fit(y, columns)
    # scikit-learn 1.9 fails at a column of nothing but NaN.
    numeric = tuple(name for name in columns.numeric if np.isfinite(numbers(train, name)).any())
    vocabularies = (
        CategoricalColumn.fit(name, texts(train, name), fewest=1, most=MOST_CATEGORIES) for name in columns.categorical
    )
    categorical = tuple(column for column in vocabularies if column.values)
    kind = HistGradientBoostingRegressor if columns.task == "regression" else HistGradientBoostingClassifier
    estimator = kind(
        max_iter=iterations,
        n_iter_no_change=20,
        early_stopping=True,
        scoring="loss",
        random_state=seed,
        categorical_features=[False] * len(numeric) + [True] * len(categorical),
    )
    # The estimator refuses a class that it was not shown.
    shown = np.isin(judged, y) if columns.task != "regression" else np.full(len(judged), True)
    watched = _matrix(validation, numeric, categorical)[shown]
    estimator.fit(_matrix(train, numeric, categorical), y, X_val=watched, y_val=judged[shown])
    return Boosting(columns, numeric, categorical, estimator)


def _matrix(
    table: pa.Table, numeric: tuple[str, ...], categorical: tuple[CategoricalColumn, ...]
) -> npt.NDArray[np.float64]:
    """Numbers as they are, categories as numbers from 0; missing and unseen values as NaN."""
    matrix = np.empty((table.num_rows, len(numeric) + len(categorical)))
    for place, name in enumerate(numeric):
        values = numbers(table, name)
        matrix[:, place] = np.where(np.isfinite(values), values, np.nan)
    for place, category in enumerate(categorical, start=len(numeric)):
        codes = category.transform(texts(table, category.name)) - KNOWN
        matrix[:, place] = np.where(codes >= 0, codes, np.nan)
    return matrix
