"""The part of the BigQuery double that has datasets, tables and their rows.

https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets, ``tables``, ``tabledata``
"""

from __future__ import annotations

from typing import Any

from bigquery_answers import PROJECT, BigqueryAnswers
from bigquery_refusals import Refused
from bigquery_sql import Name
from bigquery_store import Dataset, Table
from bigquery_types import fields_of, rows_of
from double_service import Answer, Request, route

__all__ = ["TablesDouble"]

DATASET = rf"{PROJECT}/datasets/(?P<dataset>[^/]+)"
TABLE = rf"{DATASET}/tables/(?P<table>[^/]+)"


class TablesDouble(BigqueryAnswers):
    """What a project has.

    Attributes:
        page_rows: the most rows of one answer.
    """

    page_rows = 10_000

    @route("POST", rf"{PROJECT}/datasets")
    def insert_dataset(self, request: Request, project: str) -> Any:
        self._mine(project)
        body = request.json()
        name = body["datasetReference"]["datasetId"]
        if name in self.store.datasets:
            return self.refused(Refused(f"Already Exists: Dataset {project}:{name}", "duplicate"))
        self.store.datasets[name] = Dataset(body.get("location", "US"), body.get("labels", {}))
        return self._dataset_resource(name)

    @route("GET", rf"{PROJECT}/datasets")
    def list_datasets(self, request: Request, project: str) -> Any:
        self._mine(project)
        names = [name for name in sorted(self.store.datasets) if not name.startswith("_")]
        return self._page(request, "datasets", [self._dataset_resource(name) for name in names])

    @route("GET", DATASET)
    def get_dataset(self, request: Request, project: str, dataset: str) -> Any:
        self._seen(lambda: self.store.dataset(dataset, project))
        return self._dataset_resource(dataset)

    def _dataset_resource(self, name: str) -> dict[str, Any]:
        kept = self.store.datasets[name]
        return {
            "kind": "bigquery#dataset",
            "id": f"{self.project}:{name}",
            "datasetReference": {"projectId": self.project, "datasetId": name},
            "location": kept.location,
            "labels": dict(kept.labels),
        }

    # ---- tables: rest/v2/tables, rest/v2/tabledata

    @route("GET", rf"{DATASET}/tables")
    def list_tables(self, request: Request, project: str, dataset: str) -> Any:
        kept = self._seen(lambda: self.store.dataset(dataset, project))
        items = [self._reference((project, dataset, name)) for name in sorted(kept.tables)]
        return self._page(request, "tables", items)

    @route("POST", rf"{DATASET}/tables")
    def insert_table(self, request: Request, project: str, dataset: str) -> Any:
        body = request.json()
        name = body["tableReference"]["tableId"]
        kept = self._seen(lambda: self.store.dataset(dataset, project))
        if name in kept.tables:
            return self.refused(Refused(f"Already Exists: Table {project}:{dataset}.{name}", "duplicate"))
        self._seen(lambda: self.store.make((project, dataset, name), fields_of(body["schema"])))
        return self._table_resource((project, dataset, name))

    @route("GET", TABLE)
    def get_table(self, request: Request, project: str, dataset: str, table: str) -> Any:
        self._seen(lambda: self.store.table((project, dataset, table)))
        return self._table_resource((project, dataset, table))

    @route("DELETE", TABLE)
    def delete_table(self, request: Request, project: str, dataset: str, table: str) -> Any:
        self._seen(lambda: self.store.drop((project, dataset, table)))
        return Answer(204)

    @route("GET", rf"{TABLE}/data")
    def list_rows(self, request: Request, project: str, dataset: str, table: str) -> Any:
        kept = self._seen(lambda: self.store.table((project, dataset, table)))
        asked = request.query.get("selectedFields")
        names = asked.split(",") if asked else [one["name"] for one in kept.fields]
        return {"kind": "bigquery#tableDataList", "totalRows": str(kept.rows), **self._rows(request, kept, names)}

    def _rows(self, request: Request, table: Table, names: list[str] | None = None) -> dict[str, Any]:
        """A page of rows; the token is the place where the next one begins."""
        asked = int(request.query.get("maxResults") or self.page_rows)
        start = int(request.query.get("pageToken") or request.query.get("startIndex") or 0)
        count = min(asked, self.page_rows)
        fields = [one for one in table.fields if names is None or one["name"] in names]
        plain = request.query.get("formatOptions.useInt64Timestamp", "").lower() == "true"
        if request.method == "POST":
            plain = bool((request.json().get("formatOptions") or {}).get("useInt64Timestamp"))
        found = self.store.rows(table, start, count, [one["name"] for one in fields])
        page: dict[str, Any] = {"rows": rows_of(found, fields, int64_timestamp=plain)}
        if start + count < table.rows:
            page["pageToken"] = str(start + count)
        return page

    def _reference(self, name: Name) -> dict[str, Any]:
        project, dataset, table = name
        return {
            "kind": "bigquery#table",
            "id": f"{project}:{dataset}.{table}",
            "tableReference": {"projectId": project, "datasetId": dataset, "tableId": table},
            "type": "TABLE",
        }

    def _table_resource(self, name: Name) -> dict[str, Any]:
        kept, dataset = self.store.table(name), self.store.datasets[name[1]]
        return {
            **self._reference(name),
            "schema": {"fields": kept.fields},
            "numRows": str(kept.rows),
            "location": dataset.location,
        }
