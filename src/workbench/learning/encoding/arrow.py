"""Columns out of an Arrow table, with the errors that a person can do something about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["numbers", "texts"]


def numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    """A column as float64, missing values as NaN; booleans become 0 and 1.

    Raises:
        ModelError: there is no such column, or it does not hold numbers.
    """
    import numpy as np
    import pyarrow as pa

    column = _column(table, name)
    kind = column.type
    if not (pa.types.is_boolean(kind) or pa.types.is_null(kind) or _is_number(kind)):
        raise _unfit(name, kind, "numbers")
    # safe=False: whole numbers beyond 2**53 lose their last digits, as every float does.
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(values, dtype=np.float64)


def texts(table: pa.Table, name: str) -> pa.Array:
    """A column as one array of strings, missing values as null.

    Raises:
        ModelError: there is no such column, or it cannot be read as text.
    """
    import pyarrow as pa

    column = _column(table, name)
    try:
        return pa.concat_arrays(column.cast(pa.string()).chunks or [pa.array([], pa.string())])
    except pa.ArrowException as error:
        raise _unfit(name, column.type, "texts") from error


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    place = table.schema.get_field_index(name)  # a list of all names for each column would be their square
    if place < 0:
        wrong = "is missing from the table" if name not in table.column_names else "is in the table more than once"
        raise ModelError(f"column '{name}' {wrong}", hint="make the features again: `kedro run --pipeline prepare`")
    return table.column(place)


def _unfit(name: str, kind: pa.DataType, wanted: str) -> ModelError:
    return ModelError(
        f"column '{name}' holds {kind}, not {wanted}", hint="make the features again: `kedro run --pipeline prepare`"
    )
