"""Where the champion errs: its predictions beside the truth, as Ibis expressions to look into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["errors_by", "judged"]

TEST = "test"


def judged(features: ir.Table, predictions: ir.Table, roles: Mapping[str, Any]) -> ir.Table:
    """The test rows with their prediction and their ``error``; rows that the champion was trained on would flatter it.

    Args:
        features: dataset ``features``.
        predictions: dataset ``predictions``.
        roles: dataset ``feature_roles``.

    Returns:
        The columns of both, and ``error``: how far the probability of the truth was from 1, or the distance in the
        target's own unit. Of a class that it did not predict, the probability is not known: there, ``error`` is how
        sure it was of the wrong one.
    """
    test = features.filter(features[roles["fold"]] == TEST)
    said = predictions.select(
        *roles["key"], *(name for name in ("prediction", "probability") if name in predictions.columns)
    )
    both = test.inner_join(said, list(roles["key"]))
    truth: Any = both[roles["target"]]
    if roles["task"] == "binary":
        error: Any = (truth - both["probability"]).abs()
    elif roles["task"] == "multiclass":
        error = (truth == both["prediction"]).ifelse(1 - both["probability"], both["probability"])
    else:
        error = (truth - both["prediction"]).abs()
    return both.mutate(error=error)


def errors_by(table: ir.Table, column: str, bins: int = 8) -> ir.Table:
    """The mean error in each group of a column: each value of a text, equal shares of the rows of a number.

    Args:
        table: what :func:`judged` returned.
        column: one of its columns.
        bins: how many groups a number is cut into; missing values are one of their own.

    Returns:
        ``group``, ``rows``, ``error``: the groups of a number in its order, those of a text by their error, the largest
        first.
    """
    import ibis

    values: Any = table[column]
    if not values.type().is_numeric():
        groups = table.group_by(group=values.cast("string")).aggregate(rows=table.count(), error=table["error"].mean())
        return groups.order_by(groups["error"].desc(), "group")
    missing = values.isnull()
    cut = ibis.ntile(bins).over(ibis.window(group_by=missing, order_by=values))
    numbered = table.mutate(_bin=missing.ifelse(-1, cut))
    value: Any = numbered[column]
    groups = numbered.group_by("_bin").aggregate(
        low=value.min(), high=value.max(), rows=numbered.count(), error=numbered["error"].mean()
    )
    low, high = (groups[name].round(3).cast("string") for name in ("low", "high"))
    label: Any = groups["low"].isnull().ifelse("missing", (low == high).ifelse(low, low + " to " + high))
    return groups.order_by("_bin").select(group=label, rows="rows", error="error")
