"""Which rows are held out: the last ones in time, or a share chosen by a hash of the key.

By time, a row's fold is decided by its time alone, so rows of one moment never lie on both sides of a cut. By key, it
is decided by the MD5 of the key's text alone: the same row gets the same fold in every run, on every engine, however
many rows come or go, and no test row of today trains the model of tomorrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients import Client

__all__ = ["FOLD", "NAMES", "Cuts", "cuts_by_counting", "cuts_by_time", "fold_of"]

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
    return {name: time.quantile(share, where=where) for name, share in _shares(client).items()}


def cuts_by_counting(client: Client, table: ir.Table, where: ir.Column, rows: int) -> ir.Table:
    """The same two cuts for engines without a quantile of times: one row.

    Args:
        client: says how to split, and names the time column.
        table: the rows.
        where: a column of it; only rows that have a value there count.
        rows: how many those are that have a time.
    """
    import ibis
    from ibis import _

    times = table.filter(where.notnull()).select(time=table[client.time_column])
    counts = times.filter(_.time.notnull()).group_by("time").aggregate(rows=_.count())
    running = counts.mutate(come=_.rows.sum().over(ibis.cumulative_window(order_by="time")))
    wanted = {
        name: _row(share, rows, between=times.time.type().is_numeric()) for name, share in _shares(client).items()
    }
    return running.aggregate(**{name: running.time.min(where=running.come >= row) for name, row in wanted.items()})


def _row(share: float, rows: int, *, between: bool) -> int:
    """By which row, from 1, the share has come: as DuckDB's ``quantile_disc`` has it.

    Of numbers DuckDB takes ``quantile_cont``, which may lie between two rows; the lower one parts them in the same way.
    """
    return math.floor((rows - 1) * share) + 1 if between else max(1, rows - math.floor(rows - share * rows))


def _shares(client: Client) -> dict[str, float]:
    split = client.split
    return {"train": 1 - split.validation - split.test, "validation": 1 - split.test}


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
