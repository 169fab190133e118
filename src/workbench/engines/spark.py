"""Spark through Spark Connect: Apache Spark's own server, or Databricks (clusters and serverless).

The client is databricks-connect in both cases, which brings ``pyspark``. Tables are managed tables of the catalog:
Delta on Databricks, Parquet elsewhere. Timestamps are ``TIMESTAMP_NTZ``, as a raw table's are: without a zone, in UTC.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from workbench.clients.engines import DatabricksEngine, SparkEngine
from workbench.engines.complaints import of_spark
from workbench.engines.warehouse import BATCH_ROWS, Warehouse, checked
from workbench.errors import Unreachable

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["SparkWarehouse"]

CONNECT_SECONDS = 10
DEFAULT_PORT = 15002
PIECE_BYTES = 16 * 2**20
"""About how much goes to the server in one message; its limit is 128 MiB."""


class SparkWarehouse(Warehouse):
    """A database of Spark, or a schema of Unity Catalog.

    Args:
        client: the client's id.
        settings: its ``engine`` of client.yml.
        namespace: of the client's tables; made if it is not there.
        token: the bearer token, if there is one.
    """

    settings: SparkEngine | DatabricksEngine

    def __init__(
        self, client: str, settings: SparkEngine | DatabricksEngine, namespace: str, token: str | None
    ) -> None:
        super().__init__(client, settings, namespace)
        self._secret = token
        _knock(settings.address if isinstance(settings, SparkEngine) else settings.host, self.where)
        with of_spark(self.where, token):
            import ibis

            self._session = _session(settings, token)
            self.backend = ibis.pyspark.connect(self._session)
            self._session.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
            self._session.conf.set("spark.sql.ansi.enabled", "true")
            if settings.catalog:
                self._session.sql(f"USE CATALOG {_quoted(settings.catalog)}")
            self._session.sql(f"CREATE SCHEMA IF NOT EXISTS {_quoted(namespace)}").collect()
            self._session.sql(f"USE {_quoted(namespace)}").collect()

    def names(self) -> list[str]:
        """All tables of the namespace, sorted."""
        with self._explained():
            rows = self._session.sql(f"SHOW TABLES IN {_quoted(self.namespace)}").collect()
        return sorted(row["tableName"] for row in rows if not row["isTemporary"])

    def table(self, name: str) -> ir.Table:
        """One of them, as an expression."""
        with self._explained():
            found: ir.Table = self.backend.table(checked(name))
        return found

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Append batches to a table under another name, which then takes this one."""
        import pyarrow as pa

        staging = f"loading_{uuid.uuid4().hex}"
        with self._explained():
            for number, piece in enumerate(_pieces(rows)):
                frame = self._frame(pa.Table.from_batches([piece], rows.schema))
                self._writer(frame.write).mode("append" if number else "error").saveAsTable(staging)
            self._take_name(staging, checked(name))

    def create(self, name: str, expression: ir.Table) -> None:
        """Make a table of what an expression gives."""
        staging = f"loading_{uuid.uuid4().hex}"
        with self._explained():
            frame = self._session.sql(self.sql(expression))
            self._writer(frame.write).mode("error").saveAsTable(staging)
            self._take_name(staging, checked(name))

    def batches(self, expression: ir.Table, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow batches.

        Ibis's own ``to_pyarrow_batches`` holds the whole answer in memory, and so does ``DataFrame.toArrow``; this is
        the stream that ``DataFrame.toLocalIterator`` makes rows of.
        """
        import pyarrow as pa

        schema = schema or expression.schema().to_pyarrow()
        return pa.RecordBatchReader.from_batches(schema, self._stream(self.sql(expression), schema))

    def _stream(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with self._explained():
            client = self._session.client
            plan = self._session.sql(sql)._plan.to_proto(client)  # noqa: SLF001 - there is no public way to the batches
            for part in client.to_table_as_iterator(plan, {}):
                if isinstance(part, pa.Table):
                    yield from part.rename_columns(schema.names).cast(schema).to_batches()

    def drop(self, name: str) -> None:
        """Remove a table; there may be none."""
        with self._explained():
            self._session.sql(f"DROP TABLE IF EXISTS {_quoted(checked(name))}").collect()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query in the engine's own words."""
        with self._explained():
            (found,) = self._session.sql(sql).collect()
        return tuple(found)

    def quoted(self, name: str) -> str:
        """A table's name, as it stands in a query."""
        return f"{_quoted(self.namespace)}.{_quoted(name)}"

    def close(self) -> None:
        """End the session."""
        self._session.stop()

    def _frame(self, piece: pa.Table) -> Any:
        from pyspark.sql.pandas.types import from_arrow_schema

        if piece.num_rows:
            return self._session.createDataFrame(piece)
        return self._session.createDataFrame([], from_arrow_schema(piece.schema, prefer_timestamp_ntz=True))

    def _writer(self, writer: Any) -> Any:
        return writer.format("delta" if self.kind == "databricks" else "parquet")

    def _take_name(self, staging: str, name: str) -> None:
        self._session.sql(f"DROP TABLE IF EXISTS {_quoted(name)}").collect()
        self._session.sql(f"ALTER TABLE {_quoted(staging)} RENAME TO {_quoted(name)}").collect()

    def _explained(self) -> Any:
        return of_spark(self.where, self._secret)


def _session(settings: SparkEngine | DatabricksEngine, token: str | None) -> Any:
    """A session of its own: ``getOrCreate`` would hand out somebody else's."""
    if isinstance(settings, DatabricksEngine):
        from databricks.connect import DatabricksSession

        builder = DatabricksSession.builder.host(settings.host).token(token or "")
        builder = builder.clusterId(settings.cluster) if settings.cluster else builder.serverless()
        return builder.create()
    from pyspark.sql import SparkSession

    options = [*(["use_ssl=true"] if settings.tls else []), *([f"token={token}"] if token else [])]
    address = settings.address.rstrip("/") + ("/;" + ";".join(options) if options else "")
    return SparkSession.builder.remote(address).create()


def _knock(address: str, where: str) -> None:
    """The clients ask a server that is not there for five and for ten minutes before they say so.

    Raises:
        Unreachable: nobody listens.
    """
    host = urlsplit(address)
    if getproxies().get(host.scheme):
        return  # the proxy knows the way, and this machine need not
    port = host.port or (443 if host.scheme == "https" else DEFAULT_PORT)
    try:
        socket.create_connection((host.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise Unreachable(
            f"the server does not answer: {error.strerror or error}",
            where=where,
            hint="see that it is up, and try again",
        ) from None


def _pieces(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Batches small enough for one message; at least one, so that an empty table comes to be."""
    import pyarrow as pa

    empty = True
    for batch in rows:
        step = max(1, min(BATCH_ROWS, batch.num_rows * PIECE_BYTES // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            empty = False
            yield batch.slice(start, step)
    if empty:
        yield pa.RecordBatch.from_pylist([], schema=rows.schema)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
