"""Calibration bins and group scores as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.evaluate.holdout import Holdout

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.importance import Importance
    from workbench.learning.metrics import CalibrationBin

__all__ = ["calibration_table", "group_records", "importance_table", "segments_table"]


def group_records(holdout: Holdout, roles: Mapping[str, Any], model: str, fewest: int) -> list[dict[str, Any]]:
    """A record for each group of each segment and protected column.

    Args:
        holdout: the test rows.
        roles: ``feature_roles``.
        model: whose scores.
        fewest: rows that a group must have to get any.

    Returns:
        ``column``, ``protected``, ``value``, ``rows``, ``mean`` (of the label), the scores and ``reason``.
    """
    from workbench.learning import metrics

    return [
        {"column": column, "protected": column in roles["protected"], **group.to_dict()}
        for column in dict.fromkeys([*roles["segments"], *roles["protected"]])
        for group in metrics.by_group(
            holdout.task,
            holdout.labels,
            holdout.predictions[model],
            metrics.group_names(holdout.table[column]),
            fewest=fewest,
        )
    ]


def segments_table(records: Sequence[Mapping[str, Any]], task: str) -> pa.Table:
    """The records; the columns are there also if there is no record."""
    import pyarrow as pa

    from workbench.learning.metrics import METRICS

    schema = pa.schema(
        [
            ("column", pa.string()),
            ("protected", pa.bool_()),
            ("value", pa.string()),
            ("rows", pa.int64()),
            ("mean", pa.float64()),
            *((name, pa.float64()) for name in METRICS[task]),
            ("reason", pa.string()),
        ]
    )
    return pa.Table.from_pylist(list(records), schema=schema)


def calibration_table(bins: Sequence[CalibrationBin]) -> pa.Table:
    """``predicted``, ``observed`` and ``rows`` of each bin, by rising prediction."""
    import pyarrow as pa

    schema = pa.schema([("predicted", pa.float64()), ("observed", pa.float64()), ("rows", pa.int64())])
    return pa.Table.from_pylist([item.to_dict() for item in bins], schema=schema)


def importance_table(found: Sequence[Importance]) -> pa.Table:
    """``feature``, ``importance`` and ``std``, in the order given."""
    import pyarrow as pa

    schema = pa.schema([("feature", pa.string()), ("importance", pa.float64()), ("std", pa.float64())])
    return pa.Table.from_pylist([item.to_dict() for item in found], schema=schema)
