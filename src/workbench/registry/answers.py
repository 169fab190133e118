"""A model asked with a table of any kind answers in that kind: pandas, Polars, Arrow, or an Ibis expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.frames import arrow_of, column_names, like, opened, refuse_missing
from workbench.registry.predictions import BATCH_ROWS, prediction_columns

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.learning import TabularModel

__all__ = ["answer"]

ANSWERS = ("prediction", "probability", "low", "high")


def answer(model: TabularModel, table: Any, *, keep: Sequence[str] = (), coverage: float | None = None) -> Any:
    """Predict every row, in its order.

    Args:
        model: who is asked.
        table: a pandas or Polars frame, an Arrow table or batch, an Ibis table, or whatever offers the Arrow stream
            interface. It needs the model's feature columns; others are not looked at.
        keep: columns to hand back beside the answer, such as the key.
        coverage: for a regression, also the ends of intervals that hold the value so often.

    Returns:
        The same kind of table (of a stream, an Arrow table; of an Ibis table, one in memory, in the order in which the
        engine gave the rows): the kept columns, ``prediction``, ``probability`` unless it is a regression, and ``low``
        and ``high`` if there are intervals. See :func:`workbench.registry.predictions.prediction_columns`.

    Raises:
        ModelError: a column is missing or of the wrong type, or a kept one has the name of an answer.
    """
    keep = [keep] if isinstance(keep, str) else list(dict.fromkeys(keep))
    for name in keep:
        if name in ANSWERS:
            raise ModelError(f"column '{name}' cannot be kept: an answer has that name", hint="rename it first")
    if _is_ibis(table):
        return _answer_ibis(model, table, keep, coverage)
    table = opened(table)
    refuse_missing([*keep, *model.columns.features], column_names(table))
    return like(table, keep, _answered(model, arrow_of(table, model.columns.features), coverage))


def _answered(model: TabularModel, rows: pa.Table, coverage: float | None) -> pa.Table:
    import pyarrow as pa

    columns = prediction_columns(model.columns, model.predict(rows))
    if coverage is not None:
        columns["low"], columns["high"] = (pa.array(end) for end in model.predict_interval(rows, coverage))
    return pa.table(columns)


def _is_ibis(table: object) -> bool:
    """Whether it is an Ibis table, without an import of Ibis."""
    return any(kind.__module__.startswith("ibis.expr.types") for kind in type(table).__mro__)


def _answer_ibis(model: TabularModel, table: ir.Table, keep: Sequence[str], coverage: float | None) -> ir.Table:
    """A batch at a time, so that only what is kept and answered has to fit into memory."""
    import ibis
    import pyarrow as pa

    wanted = list(dict.fromkeys([*keep, *model.columns.features]))
    refuse_missing(wanted, table.columns)

    def parts() -> Iterator[pa.Table]:
        for batch in table.select(*wanted).to_pyarrow_batches(chunk_size=BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            yield like(rows, keep, _answered(model, rows, coverage))

    found = list(parts())
    if not found:
        found = [like(empty := table.select(*wanted).limit(0).to_pyarrow(), keep, _answered(model, empty, coverage))]
    return ibis.memtable(pa.concat_tables(found))
