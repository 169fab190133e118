"""Vertex AI: custom jobs, batch prediction jobs, and pipeline jobs.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs and its siblings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from double_service import Request, route
from google.cloud import aiplatform_v1 as api
from vertex_operations_double import PARENT, VertexOperations

__all__ = ["VertexJobs"]

KINDS = {
    "customJobs": (api.CustomJob, api.ListCustomJobsResponse, "custom_jobs"),
    "batchPredictionJobs": (api.BatchPredictionJob, api.ListBatchPredictionJobsResponse, "batch_prediction_jobs"),
    "pipelineJobs": (api.PipelineJob, api.ListPipelineJobsResponse, "pipeline_jobs"),
}
JOBS = "(?P<kind>customJobs|batchPredictionJobs|pipelineJobs)"


class VertexJobs(VertexOperations):
    """Jobs that take some looks, and then have succeeded.

    Attributes:
        jobs: by name.
        job_looks: how many looks a job takes; the first half of them it is pending.
        job_fails: the message that jobs end with, if they are to fail.
        trainer: what the image of a custom job does.
    """

    def __init__(self, bucket: str = "acme-models") -> None:
        super().__init__(bucket)
        self.jobs: dict[str, Any] = {}
        self.looked: dict[str, int] = {}
        self.job_looks = 3
        self.job_fails = ""
        self.trainer: Callable[[Any], None] = lambda _: None

    @route("POST", rf"{PARENT}/{JOBS}")
    def create_job(self, request: Request, parent: str, kind: str) -> Any:
        message = KINDS[kind][0]
        job = self.parsed(message, request.body)
        self.check_labels(job.labels)
        self._check_job(kind, job)
        identifier = request.query.get("pipelineJobId") or str(7000 + len(self.jobs))
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", identifier):
            return self.error(400, f"Invalid job ID {identifier}.")
        name = f"{parent}/{kind}/{identifier}"
        if name in self.jobs:
            return self.error(409, f"{name} already exists.")
        job.name = name
        self._state(job, "PENDING")
        self.jobs[name], self.looked[name] = job, 0
        return self.plain(request, job)

    @route("GET", rf"{PARENT}/{JOBS}")
    def list_jobs(self, request: Request, parent: str, kind: str) -> Any:
        _, response, field = KINDS[kind]
        wanted = dict(re.findall(r'labels\.([a-z-]+)="([^"]*)"', request.query.get("filter", "")))
        found = [
            job
            for name, job in self.jobs.items()
            if name.startswith(f"{parent}/{kind}/") and wanted.items() <= dict(job.labels).items()
        ]
        # One a page, so that whoever reads just the first page is found out.
        start = int(request.query.get("pageToken") or 0)
        page = response(**{field: found[start : start + 1]})
        if start + 1 < len(found):
            page.next_page_token = str(start + 1)
        return self.plain(request, page)

    @route("GET", rf"/v1/(?P<name>projects/[^/]+/locations/[^/]+/{JOBS}/[a-z0-9-]+)")
    def get_job(self, request: Request, name: str, kind: str) -> Any:
        if name not in self.jobs:
            return self.error(404, f"{name} does not exist.")
        job = self.jobs[name]
        self.looked[name] += 1
        if self.looked[name] == self.job_looks and not self.job_fails:
            self.works(kind, job)
        if self.looked[name] >= self.job_looks:
            self._state(job, "FAILED" if self.job_fails else "SUCCEEDED")
            if self.job_fails:
                job.error = {"code": 3, "message": self.job_fails}
        elif self.looked[name] * 2 >= self.job_looks:
            self._state(job, "RUNNING")
        return self.plain(request, job)

    @route("POST", rf"/v1/(?P<name>projects/[^/]+/locations/[^/]+/{JOBS}/[a-z0-9-]+):cancel")
    def cancel_job(self, request: Request, name: str, kind: str) -> Any:
        self._state(self.jobs[name], "CANCELLED")
        return {}

    def works(self, kind: str, job: Any) -> None:
        """What a job does before it has succeeded."""
        if kind == "customJobs":
            self.trainer(job)

    def _state(self, job: Any, state: str) -> None:
        if isinstance(job, api.PipelineJob):
            job.state = api.PipelineState[f"PIPELINE_STATE_{state}"]
        else:
            job.state = api.JobState[f"JOB_STATE_{state}"]

    def _check_job(self, kind: str, job: Any) -> None:
        if not job.display_name or len(job.display_name) > 128:
            raise self.error(400, "display_name is required, and has 128 characters at most.")
        if kind == "customJobs":
            pools = job.job_spec.worker_pool_specs
            if not pools or not pools[0].container_spec.image_uri or not pools[0].machine_spec.machine_type:
                raise self.error(400, "A worker pool needs an image and a machine type.")
            machine = pools[0].machine_spec
            if bool(machine.accelerator_type) != bool(machine.accelerator_count):
                raise self.error(400, "accelerator_type and accelerator_count belong together.")
        if kind == "batchPredictionJobs" and not (job.model and job.output_config.predictions_format):
            raise self.error(400, "A batch prediction job needs a model and a format.")
        if kind == "pipelineJobs" and not job.runtime_config.gcs_output_directory.startswith("gs://"):
            raise self.error(400, "runtime_config.gcs_output_directory is required.")
