"""The champion and the challenger on the same held-out rows.

The champion predicts the rows anew: its figure from the day when it was registered belongs to other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError
from workbench.registry.predictions import BATCH_ROWS, missing_columns

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.learning import Columns, TabularModel

__all__ = ["Features"]

TEST = "test"


@dataclass(frozen=True)
class Features:
    """The features of a client: the lazy table with all folds, and which column is what (``feature_roles``)."""

    table: ir.Table
    roles: Mapping[str, Any]

    @property
    def columns(self) -> Columns:
        """The target and the features that a network trained on the table today would have."""
        from workbench.learning import Columns

        return Columns.from_roles(self.roles)

    def cannot_be_predicted_by(self, columns: Columns) -> str:
        """Why a model with these columns cannot predict the table; empty if it can."""
        if columns.task != self.columns.task:
            return f"its task is {columns.task}, not {self.columns.task}"
        if columns.target != self.columns.target:
            return f"it predicts '{columns.target}', not '{self.columns.target}'"
        if columns.classes != self.columns.classes:
            return "its classes are not those of the features"
        missing = missing_columns(columns, self.table.columns)
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            return f"the features have no {', '.join(missing[:5])}{more}"
        return ""

    def test_metrics(self, models: Mapping[str, TabularModel]) -> dict[str, dict[str, float]]:
        """All metrics of each model on the test rows, which are read once, in batches.

        Args:
            models: name to model; each can predict the table.

        Returns:
            Name to metrics; one that is undefined on these rows is NaN.

        Raises:
            DataError: there is no test row.
        """
        import numpy as np

        from workbench.learning.encoding.target import labels
        from workbench.learning.metrics import compute

        truth: list[Any] = []
        outputs: dict[str, list[Any]] = {name: [] for name in models}
        for batch in self._test_batches():
            truth.append(labels(batch, self.columns))
            for name, model in models.items():
                outputs[name].append(model.predict(batch))
        if not truth:
            raise DataError(
                f"fold '{TEST}' has no row",
                where="table features",
                hint="look at `split` in client.yml and at the recipe",
            )
        known = np.concatenate(truth)
        return {name: compute(self.columns.task, known, np.concatenate(parts)) for name, parts in outputs.items()}

    def example(self, columns: Columns, rows: int = 5) -> pa.Table:
        """The first rows of the columns that a model reads."""
        return self.table.select(*columns.features).limit(rows).to_pyarrow()

    def _test_batches(self) -> Iterator[pa.Table]:
        import pyarrow as pa

        test = self.table.filter(self.table[self.roles["fold"]] == TEST)
        for batch in test.to_pyarrow_batches(chunk_size=BATCH_ROWS):
            yield pa.Table.from_batches([batch])
