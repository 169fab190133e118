"""PostgreSQL: Ibis writes the SQL; rows go in and out through ADBC, as Arrow batches in ``COPY``'s binary form.

Text is stored with the collation "C": sorted and compared by its bytes, as DuckDB and Spark do, whatever the database's
own collation is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.clients.engines import PostgresEngine
from workbench.engines.complaints import of_postgres
from workbench.engines.warehouse import Warehouse, checked

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["PostgresWarehouse"]

CONNECT_SECONDS = 10
NO_FILE = "/dev/null/none"
"""Nothing but client.yml and the client's secret says who logs in: no file of passwords in somebody's home."""


class PostgresWarehouse(Warehouse):
    """A schema of a database.

    Args:
        client: the client's id.
        settings: its ``engine`` of client.yml.
        namespace: of the client's tables; made if it is not there.
        password: of the user, if one is needed.
    """

    settings: PostgresEngine

    def __init__(self, client: str, settings: PostgresEngine, namespace: str, password: str | None) -> None:
        super().__init__(client, settings, namespace)
        self._secret = password
        with self._explained():
            import ibis

            options = {"connect_timeout": CONNECT_SECONDS, "passfile": NO_FILE, "sslmode": settings.sslmode}
            self.backend = ibis.postgres.connect(
                host=settings.host,
                port=settings.port,
                user=settings.user,
                password=password,
                database=settings.database,
                schema=_quoted(namespace),
                **options,
            )
            self._run(f"CREATE SCHEMA IF NOT EXISTS {_quoted(namespace)}")

    def names(self) -> list[str]:
        """All tables of the namespace, sorted."""
        with self._explained():
            return sorted(self.backend.list_tables(database=self.namespace))

    def table(self, name: str) -> ir.Table:
        """One of them, as an expression."""
        with self._explained():
            found: ir.Table = self.backend.table(checked(name), database=self.namespace)
        return found

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Copy the batches into a table; it is seen when the transaction ends."""
        staging = f"loading_{uuid.uuid4().hex}"
        with self._explained(), closing(self._arrow()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {self.quoted(staging)} ({_columns(rows.schema)})")
            cursor.adbc_ingest(staging, rows, mode="append", db_schema_name=self.namespace)
            cursor.execute(f"ANALYZE {self.quoted(staging)}")
            cursor.execute(f"DROP TABLE IF EXISTS {self.quoted(checked(name))}")
            cursor.execute(f"ALTER TABLE {self.quoted(staging)} RENAME TO {_quoted(name)}")
            connection.commit()

    def create(self, name: str, expression: ir.Table) -> None:
        """Make a table of what an expression gives, in one transaction."""
        with self._explained():
            sql = self.sql(expression)
            with self.backend.con.cursor() as cursor, self.backend.con.transaction():
                cursor.execute(f"DROP TABLE IF EXISTS {self.quoted(checked(name))}")
                columns = _columns(expression.schema().to_pyarrow())
                cursor.execute(f"CREATE TABLE {self.quoted(name)} ({columns})")
                cursor.execute(f"INSERT INTO {self.quoted(name)} {sql}")
                cursor.execute(f"ANALYZE {self.quoted(name)}")

    def batches(self, expression: ir.Table, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow batches."""
        import pyarrow as pa

        schema = schema or expression.schema().to_pyarrow()
        return pa.RecordBatchReader.from_batches(schema, self._stream(self.sql(expression), schema))

    def _stream(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._explained(), closing(self._arrow()) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            for batch in cursor.fetch_record_batch():
                yield _cast(batch, schema)

    def drop(self, name: str) -> None:
        """Remove a table; there may be none."""
        with self._explained():
            self._run(f"DROP TABLE IF EXISTS {self.quoted(checked(name))}")

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query in the engine's own words."""
        with self._explained(), self.backend.con.cursor() as cursor, self.backend.con.transaction():
            (found,) = cursor.execute(sql).fetchall()
        return tuple(found)

    def close(self) -> None:
        """End the connection."""
        self.backend.disconnect()

    def _run(self, sql: str) -> None:
        with self.backend.con.cursor() as cursor, self.backend.con.transaction():
            cursor.execute(sql)

    def _arrow(self) -> Any:
        """A second connection, of the driver that speaks Arrow."""
        from adbc_driver_postgresql import dbapi

        settings = self.settings
        login = quote(settings.user, safe="") + (f":{quote(self._secret, safe='')}" if self._secret else "")
        query = (
            f"host={quote(settings.host, safe='')}&port={settings.port}&connect_timeout={CONNECT_SECONDS}"
            f"&passfile={NO_FILE}&sslmode={settings.sslmode}&options=-c%20TimeZone%3DUTC"
        )
        return dbapi.connect(f"postgresql://{login}@/{settings.database}?{query}")

    def quoted(self, name: str) -> str:
        """A table's name, as it stands in a query."""
        return f"{_quoted(self.namespace)}.{_quoted(name)}"

    def _explained(self) -> Any:
        return of_postgres(self.where, self._secret)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{_quoted(field.name)} {_type_of(field.type)}" for field in schema)


def _type_of(kind: pa.DataType) -> str:
    from pyarrow import types

    words = (
        (types.is_boolean, "boolean"),
        (types.is_int8, "smallint"),
        (types.is_int16, "smallint"),
        (types.is_int32, "integer"),
        (types.is_integer, "bigint"),
        (types.is_float32, "real"),
        (types.is_floating, "double precision"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp(6) with time zone" if getattr(kind, "tz", None) else "timestamp(6)"),
    )
    if types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    return next((word for fits, word in words if fits(kind)), 'text COLLATE "C"')


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch in the wanted types; ``numeric`` comes as text that says all of its digits."""
    import pyarrow as pa

    columns = [
        (column.storage if isinstance(column, pa.ExtensionArray) else column).cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
