"""Google BigQuery: Ibis writes the SQL; rows go in by a load job of a Parquet file, and come out as Arrow batches.

Batches come from the Storage Read API (cloud.google.com/bigquery/docs/reference/storage), in streams. Google's
libraries know ``BIGQUERY_EMULATOR_HOST`` for the REST API alone; where it is set, rows come as JSON from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients.engines import BigqueryEngine
from workbench.engines.complaints import of_bigquery
from workbench.engines.portable import portable
from workbench.engines.warehouse import Warehouse, checked
from workbench.errors import ConfigurationError
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["BigqueryWarehouse"]

CONNECT_SECONDS = 10
"""How long the first call is tried; Google's default is ten minutes, for a host that is not there too."""
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
STREAMS = 4
"""At most, at a time. A message of one has 10 MiB at most, so this bounds what is in memory."""


class BigqueryWarehouse(Warehouse):
    """A dataset of a project.

    Args:
        client: the client's id.
        settings: its ``engine`` of client.yml.
        namespace: of the client's tables; made if it is not there.
        key: a service account's JSON key; without it, the credentials that Google's libraries find by themselves.

    Attributes:
        reader: of the Storage Read API; None if rows come from the REST API.
    """

    settings: BigqueryEngine

    def __init__(self, client: str, settings: BigqueryEngine, namespace: str, key: str | None) -> None:
        super().__init__(client, settings, namespace)
        self._labels = {"workbench_client": client}
        with self._explained():
            import ibis
            from google.cloud import bigquery, bigquery_storage

            credentials = _credentials(key, self.where)
            self._client = bigquery.Client(settings.project, credentials=credentials, location=settings.region)
            self._find_dataset()
            reader = bigquery_storage.BigQueryReadClient(credentials=credentials)  # type: ignore[no-untyped-call]
            self.backend = ibis.bigquery.connect(
                project_id=settings.project,
                dataset_id=namespace,
                client=self._client,
                storage_client=reader,
                credentials=credentials,
            )
            # Ibis asks for an option of legacy SQL, with which a query takes two calls instead of one.
            self._client.default_query_job_config = bigquery.QueryJobConfig(labels=self._labels)
            self.reader = None if "BIGQUERY_EMULATOR_HOST" in os.environ else reader

    def _find_dataset(self) -> None:
        """Who may not make one can be given one.

        Raises:
            ConfigurationError: it lies elsewhere, where no query of this region sees it.
        """
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        dataset = bigquery.Dataset(f"{self.settings.project}.{self.namespace}")
        dataset.location, dataset.labels = self.settings.region, self._labels
        try:
            retry = bigquery.DEFAULT_RETRY.with_timeout(CONNECT_SECONDS)
            found = self._client.get_dataset(dataset.reference, retry=retry, timeout=CONNECT_SECONDS)
        except NotFound:
            found = self._client.create_dataset(dataset, exists_ok=True)
        if str(found.location).lower() != self.settings.region.lower():
            raise ConfigurationError(
                f"the dataset lies in {found.location}, and `engine.region` says {self.settings.region}",
                where=self.where,
                hint=f"write `region: {found.location}`, or take another `namespace`",
            )

    def names(self) -> list[str]:
        """All tables of the dataset, sorted."""
        with self._explained():
            return sorted(self.backend.list_tables())

    def table(self, name: str) -> ir.Table:
        """One of them, as an expression."""
        with self._explained():
            found: ir.Table = self.backend.table(checked(name))
        return found

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Write the batches to a file here, and load that in one job, which takes effect as a whole.

        The columns' types are said: what BigQuery makes of a Parquet file by itself is a ``TIMESTAMP`` of every time.
        """
        import pyarrow.parquet as pq
        from google.cloud import bigquery

        with self._explained(), private_folder("bigquery") as folder:
            config = bigquery.LoadJobConfig(
                source_format=bigquery.SourceFormat.PARQUET,
                write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
                schema=_fields(rows.schema),
                labels=self._labels,
            )
            path = Path(folder, "rows.parquet")
            with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
                for batch in rows:
                    writer.write_batch(batch)
            with path.open("rb") as stream:
                self._client.load_table_from_file(stream, self._named(checked(name)), job_config=config).result()

    def create(self, name: str, expression: ir.Table) -> None:
        """Make a table of what an expression gives, in one statement."""
        with self._explained():
            self._client.query_and_wait(
                f"CREATE OR REPLACE TABLE `{self._named(checked(name))}` AS {self.sql(expression)}"
            )

    def batches(self, expression: ir.Table, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow batches."""
        import pyarrow as pa

        schema = schema or expression.schema().to_pyarrow()
        return pa.RecordBatchReader.from_batches(schema, self._stream(expression, schema))

    def _stream(self, expression: ir.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import ibis.expr.operations as ops

        op = expression.op()
        with self._explained():
            # A whole table is read as it is: a query of it would be paid for, and its answer may have 10 GB at most.
            if isinstance(op, ops.DatabaseTable):
                rows = self._client.list_rows(self._named(op.name))
            else:
                rows = self._client.query_and_wait(self.sql(expression))
            for batch in rows.to_arrow_iterable(bqstorage_client=self.reader, max_stream_count=STREAMS):
                yield batch.rename_columns(schema.names).cast(schema)

    def sql(self, expression: ir.Table) -> str:
        """The expression in GoogleSQL. Ibis's own way runs ``SELECT 1`` first, to learn where tables in memory go."""
        query = self.backend.compiler.to_sqlglot(portable(expression, self.kind))
        return str(query.sql(self.backend.dialect))

    def drop(self, name: str) -> None:
        """Remove a table; there may be none."""
        with self._explained():
            self._client.delete_table(self._named(checked(name)), not_found_ok=True)

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query in the engine's own words."""
        with self._explained():
            (found,) = self._client.query_and_wait(sql)
        return tuple(found.values())

    def quoted(self, name: str) -> str:
        """A table's name, as it stands in a query."""
        return f"`{self._named(name)}`"

    def close(self) -> None:
        """End the connections."""
        self._client.close()  # type: ignore[no-untyped-call]
        self.backend.storage_client.transport.close()

    def _named(self, name: str) -> str:
        return f"{self.settings.project}.{self.namespace}.{name}"

    def _explained(self) -> Any:
        return of_bigquery(self.where)


def _credentials(key: str | None, where: str) -> Any:
    """Those of the key; else those that Google's libraries find. Nobody is sent to a browser, as Ibis would do.

    Raises:
        ConfigurationError: the secret is no key.
    """
    import google.auth
    from google.oauth2 import service_account

    if key is None:
        return google.auth.default(scopes=SCOPES)[0]
    try:
        return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            json.loads(key), scopes=SCOPES
        )
    except ValueError:
        raise ConfigurationError(
            "the secret that `engine.credentials` names is no service account's key",
            where=where,
            hint="it is the whole text of the JSON file that `gcloud iam service-accounts keys create` writes",
        ) from None


def _fields(schema: pa.Schema) -> Any:
    import ibis
    from ibis.backends.bigquery.datatypes import BigQuerySchema

    return BigQuerySchema.from_ibis(ibis.Schema.from_pyarrow(schema))
