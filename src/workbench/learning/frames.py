"""Tables of the kinds that people have: in as Arrow, out as what came in.

pandas and Polars are never imported here: a frame of theirs can only be given by somebody who has. Whatever else offers
the Arrow C stream interface (``__arrow_c_stream__``, of the Arrow PyCapsule protocol) is read through it, and answered
as an Arrow table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_of", "column_names", "like", "opened", "refuse_missing"]


def is_pandas(table: object) -> bool:
    """Whether it is a pandas frame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def is_polars(table: object) -> bool:
    """Whether it is a Polars frame, lazy or not."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(table, polars.DataFrame | polars.LazyFrame)


def refuse_missing(wanted: Iterable[str], present: Sequence[str]) -> None:
    """Say which columns are missing, and what the table has that looks like the first of them.

    Raises:
        ModelError: one is.
    """
    have = [str(name) for name in present]
    missing = [name for name in dict.fromkeys(wanted) if name not in have]
    if not missing:
        return
    more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
    near = get_close_matches(missing[0].lower(), [name.lower() for name in have], n=1)
    found = next((name for name in have if near and name.lower() == near[0]), "")
    raise ModelError(
        f"the table has no column '{missing[0]}'{more}",
        tried=f"{', '.join(have[:12])}{', …' if len(have) > 12 else ''}",
        hint=f"rename '{found}', if that is it" if found else "the model's columns are in `model.columns.features`",
    )


def opened(table: Any) -> Any:
    """A frame or an Arrow table as it is; whatever else offers the Arrow stream, read into an Arrow table.

    Raises:
        ModelError: it is no table at all.
    """
    import pyarrow as pa

    if is_pandas(table) or is_polars(table) or isinstance(table, pa.Table | pa.RecordBatch):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise ModelError(
        f"a {type(table).__module__.partition('.')[0]} {type(table).__name__} is no table that can be predicted",
        tried="pandas, Polars, Arrow, Ibis, and whatever has __arrow_c_stream__",
    )


def arrow_of(table: Any, names: Sequence[str]) -> pa.Table:
    """Some columns of what :func:`opened` gave, rows in their order.

    Raises:
        ModelError: a column is missing, or cannot be an Arrow column.
    """
    import pyarrow as pa

    wanted = list(dict.fromkeys(names))
    refuse_missing(wanted, column_names(table))
    if is_pandas(table):
        try:
            return pa.Table.from_pandas(table[wanted], preserve_index=False)
        except (pa.ArrowException, ValueError) as error:
            raise ModelError(f"a column holds values of several kinds ({str(error).splitlines()[0]})") from error
    part = table.select(wanted)
    if is_polars(part):
        return (part.collect() if hasattr(part, "collect") else part).to_arrow()
    return part if isinstance(part, pa.Table) else pa.Table.from_batches([part])


def column_names(table: Any) -> list[str]:
    """Of what :func:`opened` gave."""
    if is_pandas(table):
        return [str(name) for name in table.columns]
    names: list[str] = table.collect_schema().names() if is_polars(table) else table.schema.names
    return names


def like(table: Any, kept: Sequence[str], answer: pa.Table) -> Any:
    """An answer as the kind of table that was asked with, beside some of its columns.

    Args:
        table: what was asked with.
        kept: columns of it; a pandas frame keeps its index as well, and its own types.
        answer: a row each, in the same order.
    """
    import pyarrow as pa

    if is_pandas(table):
        frame = answer.to_pandas()
        frame.index = table.index
        return table[list(kept)].assign(**{str(name): frame[name] for name in frame.columns})
    if is_polars(table):
        polars = sys.modules["polars"]
        lazy = isinstance(table, polars.LazyFrame)
        part = (table.collect() if lazy else table).select(list(kept))
        joined = part.hstack(polars.from_arrow(answer)) if kept else polars.from_arrow(answer)
        return joined.lazy() if lazy else joined
    both = arrow_of(table, kept) if kept else None
    whole = pa.table({**({name: both[name] for name in kept} if both is not None else {}), **_columns(answer)})
    if isinstance(table, pa.RecordBatch):
        return pa.RecordBatch.from_arrays([column.combine_chunks() for column in whole.columns], whole.column_names)
    return whole


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))
