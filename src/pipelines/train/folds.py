"""The rows of one fold, with the columns that are needed and no others.

They are read into memory in the order of the key; or, if memory does not hold them, they are rows of the features'
file, which has that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.learning.streaming import TableRows

__all__ = ["FoldName", "feature_columns", "few_rows", "read_fold", "rows_of_folds"]

FoldName = Literal["train", "validation", "test"]


def feature_columns(roles: Mapping[str, Any]) -> list[str]:
    """The target and the features."""
    return [roles["target"], *roles["numeric"], *roles["categorical"]]


def read_fold(features: ir.Table, roles: Mapping[str, Any], fold: FoldName, names: Iterable[str]) -> pa.Table:
    """Run the expression for one fold.

    Args:
        features: the lazy table with all folds.
        roles: ``feature_roles``.
        fold: which rows.
        names: columns; a name may be given more than once.

    Raises:
        DataError: a column is missing, or the fold has no row.
    """
    wanted = list(dict.fromkeys(names))
    _refuse_missing(features, [*wanted, *roles["key"], roles["fold"]])
    rows = features.filter(features[roles["fold"]] == fold).order_by(list(roles["key"])).select(*wanted).to_pyarrow()
    _refuse_none(rows, fold)
    return rows


def rows_of_folds(
    features: ir.Table,
    roles: Mapping[str, Any],
    folds: Sequence[FoldName],
    names: Iterable[str],
    *,
    memory_bytes: int | None = None,
    device: str = "cpu",
) -> list[TableRows]:
    """The rows of each fold: in memory, or of the features' file if together they do not fit there.

    How large they are is measured before any is loaded, see :func:`workbench.learning.streaming.room.fits`.

    Args:
        features: the lazy table with all folds.
        roles: ``feature_roles``.
        folds: which rows.
        names: columns; a name may be given more than once.
        memory_bytes: what they may take; None: most of what is free.
        device: where a model will learn from them: auto, cpu or cuda.

    Raises:
        DataError: a column is missing, or a fold has no row.
    """
    from workbench.engines import file_of
    from workbench.learning import Columns
    from workbench.learning.devices import pick_device
    from workbench.learning.streaming import ParquetRows
    from workbench.learning.streaming.room import fits

    wanted, file = list(dict.fromkeys(names)), file_of(features)
    _refuse_missing(features, [*wanted, *roles["key"], roles["fold"]])
    if file is not None:
        parts = [ParquetRows(file, wanted, (roles["fold"], fold)) for fold in folds]
        if not fits(parts, Columns.from_roles(roles), memory_bytes, pick_device(device)):
            for part, fold in zip(parts, folds, strict=True):
                _refuse_none(part, fold)
            return list(parts)
    return [read_fold(features, roles, fold, wanted) for fold in folds]


def few_rows(features: ir.Table, roles: Mapping[str, Any], fold: FoldName, most: int, seed: int) -> pa.Table:
    """Target and features of one fold: all its rows; if memory does not hold them, ``most`` that are drawn."""
    from workbench.learning.streaming import ParquetRows
    from workbench.learning.streaming.reading import few_of

    (rows,) = rows_of_folds(features, roles, (fold,), feature_columns(roles))
    return few_of(rows, most, seed) if isinstance(rows, ParquetRows) else rows


def _refuse_missing(features: ir.Table, names: Iterable[str]) -> None:
    for name in names:
        if name not in features.columns:
            raise DataError(
                f"column '{name}' is named in features.json but is not there",
                where="table features",
                hint="make both again: `kedro run --pipeline prepare`",
            )


def _refuse_none(rows: TableRows, fold: FoldName) -> None:
    if not rows.num_rows:
        raise DataError(
            f"fold '{fold}' has no row", where="table features", hint="look at `split` in client.yml, and at the recipe"
        )
