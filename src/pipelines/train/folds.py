"""The rows of one fold, read in the order of the key, with the columns that are needed and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["FoldName", "feature_columns", "read_fold"]

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
    missing = [name for name in (*wanted, *roles["key"], roles["fold"]) if name not in features.columns]
    if missing:
        raise DataError(
            f"column '{missing[0]}' is named in features.json but is not there",
            where="table features",
            hint="make both again: `kedro run --pipeline prepare`",
        )
    rows = features.filter(features[roles["fold"]] == fold).order_by(list(roles["key"])).select(*wanted).to_pyarrow()
    if not rows.num_rows:
        raise DataError(
            f"fold '{fold}' has no row", where="table features", hint="look at `split` in client.yml, and at the recipe"
        )
    return rows
