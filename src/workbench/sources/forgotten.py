"""Rows of subjects that were forgotten are dropped where a source is opened: no table and no quarantine sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.clients.tombstones import BETWEEN, Stone, Tombstones, read_tombstones

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.sources.opening import Opening

__all__ = ["BETWEEN_CELLS", "canonical", "without_forgotten"]

BETWEEN_CELLS = r'[,;\t|"]'
"""What may stand between two cells of a line that could not be split into columns."""


def without_forgotten(rows: ir.Table, opening: Opening, line: str) -> ir.Table:
    """The table less the rows whose key has a tombstone.

    Args:
        rows: with the names of client.yml.
        opening: whose table it is.
        line: the column with lines that are no rows; a key among the cells of such a line counts, too.
    """
    known = read_tombstones(opening.project / "conf" / "clients" / opening.client)
    for stone in known.stones if known else ():
        if stone.table not in {None, opening.table} or known is None:
            continue
        if set(stone.columns) <= set(rows.columns):
            rows = rows.filter(~_is_forgotten(rows, stone, known))
        if line in rows.columns and len(stone.columns) == 1:
            rows = rows.filter(~_is_in_line(rows[line], stone, known))
    return rows


def canonical(value: Any, *, whole_number: bool) -> Any:
    """The text of a key's value as its digest takes it: blanks around it do not count, nor zeros before a number."""
    text = value.cast("string").strip()
    return text.try_cast("int64").cast("string").fill_null(text) if whole_number else text


def _is_forgotten(rows: ir.Table, stone: Stone, known: Tombstones) -> Any:
    values = [
        canonical(rows[name], whole_number=number)
        for name, number in zip(stone.columns, stone.whole_numbers, strict=True)
    ]
    key = values[0]
    for value in values[1:]:
        key = key + BETWEEN + value
    return _digest(key, known).isin(list(stone.digests)).fill_null(False)


def _is_in_line(line: Any, stone: Stone, known: Tombstones) -> Any:
    import ibis

    cells = line.re_split(BETWEEN_CELLS)
    digests = cells.map(lambda cell: _digest(canonical(cell, whole_number=stone.whole_numbers[0]), known))
    return (digests.intersect(ibis.array(list(stone.digests))).length() > 0).fill_null(False)


def _digest(key: Any, known: Tombstones) -> Any:
    import ibis

    return _sha256()(ibis.literal(known.salt) + key)


def _sha256() -> Any:
    """The engine's own sha256, whose answer is hexadecimal."""
    import ibis

    def sha256(text: str) -> str:
        raise NotImplementedError

    sha256.__annotations__ = {"text": str, "return": str}
    return ibis.udf.scalar.builtin(sha256)
