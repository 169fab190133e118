"""Kind ``database``: a table or a query of PostgreSQL or SQLite, streamed batch by batch into a private Parquet file.

Types that a raw table has no word for come as text that says all of them: ``numeric`` with all its digits, ``uuid``,
``json``, intervals and times as the database writes them, arrays as JSON, bytes in hexadecimal. A ``timestamptz`` is an
instant, in UTC. SQLite has types a value, not a column: all of it comes as text, so that one odd value is one bad row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.sources.database import columns_by_table, is_sqlite, missing_table, opened_database, quoted
from workbench.sources.header import check_names
from workbench.sources.opening import OpenedTable, Opening, SourceFile

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.clients.sources import DatabaseSource

__all__ = ["open_table"]

BATCH_BYTES = 4 * 2**20
"""About the size of the batches that PostgreSQL's rows come in."""


def open_table(source: DatabaseSource, opening: Opening) -> OpenedTable:
    """Read the database once; the rows never are in memory as a whole."""
    import pyarrow.parquet as pq

    path = opening.folder() / "rows.parquet"
    with opened_database(source, opening) as cursor:
        inner = _inner(cursor, source, opening)
        cursor.execute(f"SELECT * FROM ({inner}) AS source LIMIT 0")  # noqa: S608 - quoted, or the client's own query
        schema = cursor.fetch_record_batch().schema
        check_names(schema.names, opening.where)
        if not is_sqlite(source):
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        chosen = ", ".join(f"{_expression(field, source)} AS {quoted(field.name)}" for field in schema)
        cursor.execute(f"SELECT {chosen} FROM ({inner}) AS source")  # noqa: S608
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(path, _plain(reader.schema), compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch.cast(writer.schema))
    file = replace(SourceFile.of(path), name=f"{source.url} {source.table or 'query'}")
    return OpenedTable(opening.connection.read_parquet(path), (file,))


def _inner(cursor: Any, source: DatabaseSource, opening: Opening) -> str:
    if source.query is not None:
        return source.query.rstrip().rstrip(";")
    table = str(source.table)
    tables = columns_by_table(cursor, sqlite=is_sqlite(source))
    if table not in tables and table.removeprefix("public.") not in tables:
        raise missing_table(table, list(tables), opening)
    # `a.b` is a table of that name if there is one, else table b of schema a.
    parts = [table] if is_sqlite(source) else table.split(".", 1)
    return f"SELECT * FROM {'.'.join(map(quoted, parts))}"  # noqa: S608


def _expression(field: pa.Field, source: DatabaseSource) -> str:
    """The column as it is to come: as it is, or as text."""
    from pyarrow import types

    name, kind = quoted(field.name), field.type
    if is_sqlite(source):
        # SQLite's own cast of a number to text gives 15 digits, and a double has 17.
        return (
            f"CASE typeof({name}) WHEN 'real' THEN printf('%!.17g', {name}) WHEN 'blob' THEN lower(hex({name})) "
            f"ELSE CAST({name} AS TEXT) END"
        )
    plain = (types.is_integer, types.is_floating, types.is_boolean, types.is_date, types.is_timestamp, types.is_string)
    if any(is_kind(kind) for is_kind in plain):
        return name
    if types.is_binary(kind):
        return f"encode({name}, 'hex')"
    return f"to_json({name})::text" if types.is_list(kind) else f"{name}::text"


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema of the file: a column of nothing but nulls is one of texts."""
    import pyarrow as pa

    return pa.schema([pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in schema])
