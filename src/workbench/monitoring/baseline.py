"""The rows that a version learned from, in counts: what all later rows are held against.

It is taken when the version is registered, since the tables of later days hold other rows. Features and the answer are
those of the training fold. Predictions are those on the test fold: of rows that it learned from, a model is surer than
of any others, so that new ones would always seem to have drifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.drift.reference import Reference, reference_of
from workbench.monitoring.arrow_tables import as_lazy
from workbench.monitoring.known import Known, fetch_known, sample
from workbench.registry.predictions import BATCH_ROWS, prediction_columns

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.learning import TabularModel

__all__ = ["FORMAT", "Baseline", "answer_columns", "baseline_of", "predicted", "prediction_names"]

FORMAT = 1

MOST_PREDICTED = 50_000
"""Test rows that are predicted for the distribution of predictions."""


@dataclass(frozen=True)
class Baseline:
    """What a version learned from.

    Attributes:
        client: whose it is.
        known: which rows it knows, the held-out ones among them.
        training_rows: of the training fold.
        features: each feature, of the training fold.
        answer: the target, of the training fold.
        prediction: what it predicts, of the test fold.
    """

    client: str
    known: Known
    training_rows: int
    features: tuple[Reference, ...]
    answer: tuple[Reference, ...]
    prediction: tuple[Reference, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        columns = {
            name: [one.to_dict() for one in getattr(self, name)] for name in ("features", "answer", "prediction")
        }
        return {
            "format": FORMAT,
            "client": self.client,
            "known": asdict(self.known),
            "training_rows": self.training_rows,
            **columns,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Baseline:
        """What :meth:`to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else, or of a later format.
        """
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']}, and this code reads {FORMAT}")
        features, answer, prediction = (
            tuple(Reference.from_dict(one) for one in record[name]) for name in ("features", "answer", "prediction")
        )
        return cls(
            record["client"], Known(**record["known"]), int(record["training_rows"]), features, answer, prediction
        )


def baseline_of(
    client: str, model: TabularModel, features: ir.Table, roles: Mapping[str, Any]
) -> tuple[Baseline, pa.Table | None]:
    """Take the baseline of a model.

    Args:
        client: whose rows they are.
        model: what was trained on them.
        features: all folds.
        roles: ``feature_roles``.

    Returns:
        The baseline, and the digests of the rows that it knows, where the client has no time column.
    """
    from workbench.engines import fetch

    train, test = (features.filter(features[roles["fold"]] == fold) for fold in ("train", "test"))
    known, digests = fetch_known(features, roles, client)
    rows, held_out = (fetch(one.aggregate(rows=one.count()))[0]["rows"] for one in (train, test))
    columns = model.columns
    said = predicted(model, sample(test, roles, held_out, MOST_PREDICTED))
    made = Baseline(
        client=client,
        known=known,
        training_rows=rows,
        features=tuple(reference_of(train, columns.numeric, columns.categorical)),
        answer=tuple(reference_of(train, *answer_columns(columns.task, columns.target))),
        prediction=tuple(reference_of(as_lazy(said), *prediction_names(columns.task))),
    )
    return made, digests


def answer_columns(task: str, target: str) -> tuple[list[str], list[str]]:
    """The target as a number column, or as one of categories."""
    return ([], [target]) if task == "multiclass" else ([target], [])


def prediction_names(task: str) -> tuple[list[str], list[str]]:
    """Which columns of a prediction are compared: numbers, and categories."""
    numbers = ["prediction"] if task == "regression" else ["probability"]
    return numbers, ["prediction"] if task == "multiclass" else []


def predicted(model: TabularModel, rows: ir.Table) -> pa.Table:
    """A model's predictions, as ``score`` writes them, a batch at a time; only they stay in memory."""
    import pyarrow as pa

    names = model.columns.features
    parts: Iterable[Any] = rows.select(*names).to_pyarrow_batches(chunk_size=BATCH_ROWS)
    tables = [
        pa.table(prediction_columns(model.columns, model.predict(pa.Table.from_batches([batch]))))
        for batch in parts
        if batch.num_rows
    ]
    return pa.concat_tables(tables) if tables else pa.table({"prediction": [], "probability": []})
