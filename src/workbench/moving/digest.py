"""The digest of a table's rows, whatever their order, computed from what an engine gives back.

Each row is written as text, column by column: the length of the value and the value, or ``-`` where there is none. The
MD5 of that text is two whole numbers of 64 bits; each is summed over all rows, modulo 2**64. So it is the same for the
same rows in any order, counts a row as often as it stands there, and needs no sorting. It is computed here, where the
engines cannot (:mod:`workbench.engines.digests`): all values of all types count, as a reader gets them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.engines import connection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Digest", "digest_of"]

_VIEW = "workbench_digest"


class Digest(NamedTuple):
    """Of a table.

    Attributes:
        rows: how many.
        digest: 32 hexadecimal digits.
    """

    rows: int
    digest: str


def digest_of(rows: pa.RecordBatchReader) -> Digest:
    """Read a stream to its end; DuckDB does the sums, a batch at a time."""
    columns = [_text(name) for name in rows.schema.names]
    con = connection().con
    con.register(_VIEW, rows)
    try:
        found = con.execute(
            f"SELECT count(*), coalesce(sum(md5_number_lower(line)), 0) % 18446744073709551616, "  # noqa: S608 - quoted
            f"coalesce(sum(md5_number_upper(line)), 0) % 18446744073709551616 "
            f"FROM (SELECT concat({', '.join(columns)}) AS line FROM {_VIEW})"
        ).fetchone()
    finally:
        con.unregister(_VIEW)
    assert found is not None  # noqa: S101 - an aggregate is one row
    return Digest(int(found[0]), f"{int(found[1]):016x}{int(found[2]):016x}")


def _text(name: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    value = f"CAST({column} AS VARCHAR)"
    return f"CASE WHEN {column} IS NULL THEN '-' ELSE concat(strlen({value}), ':', {value}) END"
