"""BigQuery's REST API: jobs that query and load, and uploads; datasets and tables are :mod:`bigquery_tables_double`.

https://cloud.google.com/bigquery/docs/reference/rest. Queries are GoogleSQL, parsed as such, checked, and run by DuckDB:
see :mod:`bigquery_sql` and :mod:`bigquery_refusals`. docs/engines.md says what that cannot show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from bigquery_answers import PROJECT
from bigquery_refusals import Refused
from bigquery_sql import Name, read
from bigquery_store import Dataset
from bigquery_tables_double import TablesDouble
from double_service import Answer, Operation, Request, route

__all__ = ["BigqueryDouble", "Job"]

UPLOAD = r"(?:/resumable)?/upload/bigquery/v2/projects/(?P<project>[^/]+)/jobs"

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


class BigqueryDouble(TablesDouble):
    """One project.

    Attributes:
        looks: how often one has to ask for a job until it is done.
        jobs: all that were made, by name.
    """

    def __init__(self, project: str = "acme-1") -> None:
        super().__init__(project)
        self.looks = 0
        self.jobs: dict[str, Job] = {}
        self._sessions: dict[str, tuple[dict[str, Any], bytes]] = {}

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


def _name_of(reference: dict[str, str]) -> Name:
    return reference["projectId"], reference["datasetId"], reference["tableId"]


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of a multipart upload: the job, and the file."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    _, first, second, _ = request.body.split(b"--" + boundary)
    content = second.partition(b"\r\n\r\n")[2]
    return json.loads(first.partition(b"\r\n\r\n")[2]), content.removesuffix(b"\r\n")
