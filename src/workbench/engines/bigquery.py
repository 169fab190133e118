"""Google BigQuery: Ibis writes the SQL; rows go in by a load job of a Parquet file, and come out through its streams.

Never run against BigQuery itself from where these tests run: docs/engines.md says what was seen of it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients.engines import BigqueryEngine
from workbench.engines.complaints import of_bigquery
from workbench.engines.warehouse import Warehouse, checked

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["BigqueryWarehouse"]


class BigqueryWarehouse(Warehouse):
    """A dataset of a project.

    Args:
        client: the client's id.
        settings: its ``engine`` of client.yml.
        namespace: of the client's tables; made if it is not there.
        key: a service account's JSON key; without it, the credentials that Google's libraries find by themselves.
    """

    settings: BigqueryEngine

    def __init__(self, client: str, settings: BigqueryEngine, namespace: str, key: str | None) -> None:
        super().__init__(client, settings, namespace)
        with self._explained():
            import ibis
            from google.cloud import bigquery

            credentials = None
            if key is not None:
                from google.oauth2 import service_account

                credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                    json.loads(key)
                )
            self._client = bigquery.Client(settings.project, credentials=credentials, location=settings.region)
            dataset = bigquery.Dataset(f"{settings.project}.{namespace}")
            dataset.location = settings.region
            dataset.labels = {"workbench_client": client}
            self._client.create_dataset(dataset, exists_ok=True)
            self.backend = ibis.bigquery.connect(
                project_id=settings.project, dataset_id=namespace, client=self._client, credentials=credentials
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
        """Write the batches to a file here, and load that in one job, which takes effect as a whole."""
        import pyarrow.parquet as pq
        from google.cloud import bigquery

        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET, write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE
        )
        with self._explained(), tempfile.TemporaryDirectory(prefix="workbench-") as folder:
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
        return pa.RecordBatchReader.from_batches(schema, self._stream(self.sql(expression), schema))

    def _stream(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._explained():
            for batch in self._client.query_and_wait(sql).to_arrow_iterable():
                yield batch.rename_columns(schema.names).cast(schema)

    def drop(self, name: str) -> None:
        """Remove a table; there may be none."""
        with self._explained():
            self._client.delete_table(self._named(checked(name)), not_found_ok=True)

    def close(self) -> None:
        """End the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _named(self, name: str) -> str:
        return f"{self.settings.project}.{self.namespace}.{name}"

    def _explained(self) -> Any:
        return of_bigquery(self.where)
