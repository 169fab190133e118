"""Whether a prediction moves the way that it must when one column alone moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.arrow import numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Direction", "Monotone", "violations"]

Direction = Literal["increasing", "decreasing"]

STEPS = 10
"""Quantiles of the column, and one more, that each row is taken along."""

TOLERANCE = 1e-3
"""A step back of less than this part of the predictions' range is rounding, not a step."""


@dataclass(frozen=True)
class Monotone:
    """One column.

    Attributes:
        column: its name.
        direction: what a prediction must do as the column grows.
        share: of all steps of all rows, those that go the other way.
        worst: the largest step the other way, in the unit of the prediction; 0 if there is none.
        steps: how many were looked at.
    """

    column: str
    direction: Direction
    share: float
    worst: float
    steps: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def violations(
    predict: Callable[[pa.Table], npt.NDArray[np.float64]],
    table: pa.Table,
    column: str,
    direction: Direction,
    *,
    rows: int = 1000,
    seed: int = 0,
) -> Monotone:
    """Take rows along the quantiles of a column, everything else as it is, and count the steps the wrong way.

    The curves are individual conditional expectations: Goldstein, Kapelner, Bleich, Pitkin: "Peeking inside the black
    box", Journal of Computational and Graphical Statistics 2015. A mean over the rows would hide what happens to some.

    Args:
        predict: the model; of one number a row.
        table: held-out rows.
        column: a number column.
        direction: what is wanted.
        rows: at most so many rows are drawn.
        seed: draws them.
    """
    import pyarrow as pa

    if table.num_rows > rows:
        drawn = np.random.default_rng(seed).choice(table.num_rows, rows, replace=False)
        table = table.take(np.sort(drawn))
    values = numbers(table, column)
    known = values[np.isfinite(values)]
    places = np.unique(np.quantile(known, np.linspace(0, 1, STEPS + 1), method="inverted_cdf")) if len(known) else known
    if len(places) < 2:
        return Monotone(column, direction, 0.0, 0.0, 0)
    at = table.column_names.index(column)
    moved = [table.set_column(at, column, pa.array(np.full(table.num_rows, place))) for place in places]
    curves = np.stack([predict(one) for one in moved])
    steps = np.diff(curves, axis=0) * (1 if direction == "increasing" else -1)
    wrong = steps < -TOLERANCE * np.ptp(curves)
    worst = float(-steps[wrong].min()) if wrong.any() else 0.0
    return Monotone(column, direction, float(wrong.mean()), worst, int(steps.size))
