"""Numbers: mapped to a normal distribution by their quantiles among the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NumericColumn"]

KNOTS = 256


@dataclass(frozen=True)
class NumericColumn:
    """A strictly increasing, piecewise-linear map of a column to standard-normal scores.

    Its ends are the smallest and the largest training value; what lies beyond is taken for them. Values are never
    computed with, only picked and interpolated between, so that neither outliers nor 1e308 do harm.

    Attributes:
        name: the column.
        knots: training values at (nearly) evenly spaced ranks; equal ones stand once. Empty if all were missing.
        scores: the normal quantile of each knot's rank; for equal values, of the middle of their ranks.
        gaps: whether training rows had missing values, so that being missing is a feature of its own.
    """

    name: str
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    gaps: bool

    @classmethod
    def fit(cls, name: str, values: npt.NDArray[np.float64]) -> NumericColumn:
        """Learn the map from training values; NaN and infinities are missing."""
        finite = np.sort(values[np.isfinite(values)])
        gaps = finite.size < values.size
        if not finite.size:
            return cls(name, (), (), gaps)
        ranks = np.linspace(0, finite.size - 1, min(KNOTS, finite.size)).round().astype(np.int64)
        knots, place = np.unique(finite[ranks], return_inverse=True)
        levels = np.bincount(place, (ranks + 0.5) / finite.size) / np.bincount(place)
        normal = NormalDist()
        scores = tuple(normal.inv_cdf(level) for level in levels.tolist())
        return cls(name, tuple(knots.tolist()), scores, gaps)

    def reaching(self, low: float, high: float, rows: int, *, gaps: bool) -> NumericColumn:
        """A map that was learned from some of the rows, for all of them.

        Args:
            low: the smallest finite value of all rows; infinite, if there is none.
            high: the largest.
            rows: how many there are.
            gaps: whether some of their values are missing.
        """
        normal, knots, scores = NormalDist(), self.knots, self.scores
        if low < (knots[0] if knots else np.inf):
            knots, scores = (low, *knots), (normal.inv_cdf(0.5 / rows), *scores)
        if high > (knots[-1] if knots else -np.inf):
            knots, scores = (*knots, high), (*scores, normal.inv_cdf(1 - 0.5 / rows))
        return NumericColumn(self.name, knots, scores, gaps)

    @property
    def varies(self) -> bool:
        """Whether the training rows had two different values."""
        return len(self.knots) > 1

    @property
    def flagged(self) -> bool:
        """Whether some training rows had a value and some had none."""
        return self.gaps and bool(self.knots)

    def transform(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Scores; a missing value gets 0, the score of the median."""
        scores = np.interp(values, self.knots, self.scores)
        return np.where(np.isfinite(values), scores, 0).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> NumericColumn:
        """What :meth:`to_dict` wrote."""
        knots, scores = (tuple(float(value) for value in record[field]) for field in ("knots", "scores"))
        if len(knots) != len(scores) or any(np.diff(knots) <= 0) or not np.isfinite([*knots, *scores]).all():
            raise ValueError(f"knots and scores of '{record['name']}' do not fit")
        return cls(str(record["name"]), knots, scores, bool(record["gaps"]))
