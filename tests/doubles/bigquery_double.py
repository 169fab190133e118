"""BigQuery's REST API: datasets, tables, jobs that query and load, and the rows of what they make.

https://cloud.google.com/bigquery/docs/reference/rest. Queries are GoogleSQL, parsed as such, checked, and run by DuckDB:
see :mod:`bigquery_sql` and :mod:`bigquery_refusals`. docs/engines.md says what that cannot show.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bigquery_refusals import Refused
from bigquery_sql import Name, read
from bigquery_store import Dataset, Store, Table
from bigquery_types import fields_of, rows_of
from double_service import Answer, Operation, Request, route
from google_token_double import GoogleTokens

__all__ = ["BigqueryDouble", "Job"]

PROJECT = r"/bigquery/v2/projects/(?P<project>[^/]+)"
DATASET = rf"{PROJECT}/datasets/(?P<dataset>[^/]+)"
TABLE = rf"{DATASET}/tables/(?P<table>[^/]+)"
UPLOAD = r"(?:/resumable)?/upload/bigquery/v2/projects/(?P<project>[^/]+)/jobs"

STATUS = {
    "accessDenied": 403,
    "duplicate": 409,
    "internalError": 500,
    "invalid": 400,
    "invalidQuery": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
}
"""https://cloud.google.com/bigquery/docs/error-messages#errortable"""
HIDDEN = "_results"
"""The dataset of the tables that hold what queries gave; it is in no list."""


@dataclass
class Job:
    """A job, which takes a number of looks."""

    name: str
    location: str
    configuration: dict[str, Any]
    operation: Operation
    error: Refused | None = None
    target: Name | None = None
    kind: str = ""
    rows: int = 0
    content: bytes = field(default=b"", repr=False)


class BigqueryDouble(GoogleTokens):
    """One project.

    Attributes:
        looks: how often one has to ask for a job until it is done.
        page_rows: the most rows of one answer.
        jobs: all that were made, by name.
        store: what there is.
    """

    def __init__(self, project: str = "acme-1") -> None:
        super().__init__()
        self.project = project
        self.store = Store(project)
        self.looks = 0
        self.page_rows = 10_000
        self.jobs: dict[str, Job] = {}
        self._sessions: dict[str, tuple[dict[str, Any], bytes]] = {}

    def stop(self) -> None:
        super().stop()
        self.store.close()

    # ---- datasets: rest/v2/datasets

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

    # ---- jobs: rest/v2/jobs

    @route("POST", rf"{PROJECT}/jobs")
    def insert_job(self, request: Request, project: str) -> Any:
        self._mine(project)
        return self._job_resource(self._insert(request.json()))

    @route("GET", rf"{PROJECT}/jobs/(?P<job>[^/]+)")
    def get_job(self, request: Request, project: str, job: str) -> Any:
        found = self._job(job, request)
        found.operation.look()
        return self._job_resource(found)

    @route("POST", rf"{PROJECT}/queries")
    def query(self, request: Request, project: str) -> Any:
        """``jobs.query``: an answer at once if the job is done by then. The same ``requestId`` is the same job."""
        self._mine(project)
        body = request.json()
        reference = {"jobId": body.get("requestId"), "location": body.get("location")}
        query = {"query": body["query"], "useLegacySql": body.get("useLegacySql", True)}
        configuration = {
            "query": {**query, "defaultDataset": body.get("defaultDataset")},
            "labels": body.get("labels", {}),
        }
        job = self.jobs.get(reference["jobId"] or "")
        if job is None:
            job = self._insert({"jobReference": reference, "configuration": configuration})
        return self._results(request, job)

    @route("GET", rf"{PROJECT}/queries/(?P<job>[^/]+)")
    def query_results(self, request: Request, project: str, job: str) -> Any:
        return self._results(request, self._job(job, request))

    def _results(self, request: Request, job: Job) -> Any:
        answer: dict[str, Any] = {
            "kind": "bigquery#queryResponse",
            "jobReference": self._job_reference(job),
            "jobComplete": job.operation.look(),
            "location": job.location,
        }
        if not job.operation.done:
            return answer
        if job.error is not None:
            return self.refused(job.error)
        answer |= {"cacheHit": False, "totalBytesProcessed": "0", "schema": {"fields": []}, "totalRows": "0"}
        if job.kind == "SELECT":
            assert job.target
            table = self.store.table(job.target)
            answer |= {"schema": {"fields": table.fields}, "totalRows": str(table.rows), **self._rows(request, table)}
        return answer

    def _insert(self, body: dict[str, Any], content: bytes = b"") -> Job:
        reference, configuration = body.get("jobReference", {}), body["configuration"]
        name = reference.get("jobId") or f"job_{len(self.jobs) + 1}"
        if name in self.jobs:
            raise self.refused(Refused(f"Already Exists: Job {self.project}:{name}", "duplicate"))
        location = reference.get("location") or "US"
        job = Job(name, location, configuration, Operation(self.looks, lambda: self._carry_out(job)), content=content)
        self.jobs[name] = job
        if self.looks == 0:
            job.operation.looks = 0  # an answer to `jobs.insert` is never of a job that is done
        if self.looks == 0 and "query" in configuration:
            job.operation.looks = 0
        return job

    def _carry_out(self, job: Job) -> None:
        try:
            load = job.configuration.get("load")
            if load is not None:
                self._load(job, load)
            else:
                self._query(job, job.configuration["query"])
        except Refused as refused:
            job.error = refused
        except Exception as error:  # noqa: BLE001 - a call without an answer would be tried again for ten minutes
            job.error = Refused(f"the double itself failed: {type(error).__name__}: {error}", "notImplemented")

    def _load(self, job: Job, load: dict[str, Any]) -> None:
        if load.get("sourceFormat") != "PARQUET":
            raise Refused(f"the double loads no {load.get('sourceFormat', 'CSV')}", "notImplemented")
        job.target, job.kind = _name_of(load["destinationTable"]), "LOAD"
        job.rows = self.store.load(job.target, job.content, load, job.location)

    def _query(self, job: Job, query: dict[str, Any]) -> None:
        if query.get("useLegacySql", True):
            raise Refused("the double has no legacy SQL", "notImplemented")
        default = (query.get("defaultDataset") or {}).get("datasetId")
        statement = read(
            query["query"], self.project, default, lambda name: self.store.table(name, job.location).fields
        )
        self.store.datasets.setdefault(f"{HIDDEN}_{job.location}", Dataset(job.location))
        answer = (self.project, f"{HIDDEN}_{job.location}", f"anon_{job.name}")
        job.target, job.kind = statement.target or answer, statement.kind
        self.store.run(statement, answer, job.location, job.configuration.get("labels") or {})

    def _job(self, name: str, request: Request) -> Job:
        """Jobs of other places than the US are found by those who name the place."""
        found = self.jobs.get(name)
        asked = request.query.get("location") or "US"
        if found is None or found.location.lower() != asked.lower():
            raise self.refused(Refused(f"Not found: Job {self.project}:{name}", "notFound"))
        return found

    def _job_reference(self, job: Job) -> dict[str, str]:
        return {"projectId": self.project, "jobId": job.name, "location": job.location}

    def _job_resource(self, job: Job) -> dict[str, Any]:
        kind = "load" if "load" in job.configuration else "query"
        settings = dict(job.configuration[kind])
        status: dict[str, Any] = {"state": "DONE" if job.operation.done else "RUNNING"}
        if job.error is not None:
            problem = {"reason": job.error.reason, "message": str(job.error), "location": "query"}
            status |= {"errorResult": problem, "errors": [problem]}
        if job.target is not None and job.kind != "DROP_TABLE":
            project, dataset, table = job.target
            settings["destinationTable"] = {"projectId": project, "datasetId": dataset, "tableId": table}
        statistics: dict[str, Any] = {"creationTime": "1700000000000"}
        if kind == "load":
            statistics["load"] = {"outputRows": str(job.rows)}
        else:
            statistics["query"] = {"statementType": job.kind, "totalBytesProcessed": "0", "cacheHit": False}
        return {
            "kind": "bigquery#job",
            "id": f"{self.project}:{job.location}.{job.name}",
            "jobReference": self._job_reference(job),
            "configuration": {**job.configuration, kind: settings, "jobType": kind.upper()},
            "status": status,
            "statistics": statistics,
        }

    # ---- uploads: docs/reference/api-uploads

    @route("POST", UPLOAD)
    def begin_upload(self, request: Request, project: str) -> Any:
        self._mine(project)
        if request.query.get("uploadType") == "multipart":
            resource, content = _parts(request)
            return self._job_resource(self._insert(resource, content))
        identifier = f"u{len(self._sessions) + 1}"
        self._sessions[identifier] = (request.json(), b"")
        where = f"{self.address}/upload/bigquery/v2/projects/{project}/jobs?uploadType=resumable&upload_id={identifier}"
        return Answer(200, None, {"Location": where})

    @route("PUT", UPLOAD)
    def chunk(self, request: Request, project: str) -> Any:
        identifier = request.query.get("upload_id", "")
        if identifier not in self._sessions:
            return self.refused(Refused("No such upload session", "notFound"))
        resource, content = self._sessions[identifier]
        span, _, total = request.headers["content-range"].removeprefix("bytes ").partition("/")
        if span != "*":
            if int(span.partition("-")[0]) != len(content):
                return self.refused(Refused("Invalid content range", "invalid"))
            content += request.body
            self._sessions[identifier] = (resource, content)
        if total == "*" or len(content) < int(total):
            return Answer(308, None, {"Range": f"bytes=0-{len(content) - 1}"} if content else {})
        del self._sessions[identifier]
        return self._job_resource(self._insert(resource, content))

    # ---- errors: docs/error-messages

    def refused(self, refused: Refused) -> Answer:
        """As Google writes errors in JSON, with the reason that libraries decide by."""
        status = STATUS.get(refused.reason, 400)
        problem = {"message": str(refused), "domain": "global", "reason": refused.reason}
        return Answer(status, {"error": {"code": status, "message": str(refused), "errors": [problem]}})

    def _seen(self, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except Refused as refused:
            raise self.refused(refused) from refused

    def _mine(self, project: str) -> None:
        if project != self.project:
            raise self.refused(
                Refused(f"Access Denied: Project {project}: User does not have permission", "accessDenied")
            )

    def _page(self, request: Request, word: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Two a page, so that whoever reads just the first is found out."""
        start = int(request.query.get("pageToken") or 0)
        page: dict[str, Any] = {word: items[start : start + 2], "totalItems": len(items)}
        if start + 2 < len(items):
            page["nextPageToken"] = str(start + 2)
        return page


def _name_of(reference: dict[str, str]) -> Name:
    return reference["projectId"], reference["datasetId"], reference["tableId"]


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of a multipart upload: the job, and the file."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    _, first, second, _ = request.body.split(b"--" + boundary)
    content = second.partition(b"\r\n\r\n")[2]
    return json.loads(first.partition(b"\r\n\r\n")[2]), content.removesuffix(b"\r\n")
