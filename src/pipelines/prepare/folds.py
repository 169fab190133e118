"""Which rows are held out: the last ones in time, or a share chosen by a hash of the key.

By time, a row's fold is decided by its time alone, so rows of one moment never lie on both sides of a cut. By key, it
is decided by the MD5 of the key's text alone: the same row gets the same fold in every run, on every engine, however
many rows come or go, and no test row of today trains the model of tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients import Client

__all__ = ["FOLD", "NAMES", "Cuts", "cuts_by_time", "fold_of"]

FOLD = "fold"
NAMES = ("train", "validation", "test")

_DIGITS = 8
"""Hexadecimal digits of the hash that are compared: shares are exact to one in four thousand million."""


@dataclass(frozen=True)
class Cuts:
    """The latest time of the training rows, and the latest of the validation rows."""

    train: Any
    validation: Any


def cuts_by_time(client: Client, time: ir.Column, where: ir.BooleanValue) -> dict[str, ir.Scalar]:
    """The two cuts as aggregates over the rows that count; their names are the fields of :class:`Cuts`.

    A cut is the first time by which the wanted share of the rows has come.
    """
    split = client.split
    return {
        "train": time.quantile(1 - split.validation - split.test, where=where),
        "validation": time.quantile(1 - split.test, where=where),
    }


def fold_of(client: Client, table: ir.Table, cuts: Cuts | None) -> ir.StringColumn:
    """The fold of each row: a text column made of the table's key or time column.

    Args:
        client: says how to split, and names the columns.
        table: has the key and time columns.
        cuts: needed for a split by time.
    """
    import ibis

    if client.split.by == "time":
        assert cuts is not None  # noqa: S101 - the caller cuts where the split is by time
        assert client.time_column is not None  # noqa: S101 - client.yml was checked for it
        time = table[client.time_column]
        in_train, in_validation = time <= cuts.train, time <= cuts.validation
    else:
        # Text in the order of its characters is in the order of the numbers it writes.
        position = _digest(table, client.key)
        in_train = position < _hexadecimal(1 - client.split.validation - client.split.test)
        in_validation = position < _hexadecimal(1 - client.split.test)
    return ibis.cases((in_train, "train"), (in_validation, "validation"), else_="test")


def _digest(table: ir.Table, key: tuple[str, ...]) -> ir.StringColumn:
    import ibis

    parts = [table[column].cast("string") for column in key]
    return ibis.literal("\x1f").join(parts).hexdigest("md5") if len(parts) > 1 else parts[0].hexdigest("md5")


def _hexadecimal(share: float) -> str:
    return f"{min(int(share * 16**_DIGITS), 16**_DIGITS - 1):0{_DIGITS}x}"
