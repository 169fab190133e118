"""Batch prediction with a registered version: rows up, a job, predictions down.

https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import DataError, TargetError
from workbench.files import durable_file
from workbench.targets.vertex.jobs import BATCH, Job, Jobs, folder_of_job
from workbench.targets.vertex.model import alias_of, model_name
from workbench.targets.vertex.objects import Objects, local_file
from workbench.targets.vertex.services import Services

__all__ = ["batch_job", "predict_batch"]


def predict_batch(services: Services, jobs: Jobs, version: int, rows: Path, destination: Path) -> tuple[Job, int]:
    """Predict a file of rows with a version that is in the registry.

    Args:
        services: the SDK's clients.
        jobs: begins and watches the job.
        version: the release.
        rows: JSON Lines, an object a row.
        destination: JSON Lines of ``{"instance": …, "prediction": …}``, in the service's order.

    Returns:
        The job, and how many rows were predicted.

    Raises:
        DataError: the file is no JSON Lines.
        TargetError: the job has failed, or has not predicted all rows.
    """
    count = _checked(rows)
    objects = Objects(services)

    def make(name: str, labels: Mapping[str, str]) -> Mapping[str, Any]:
        target = f"{folder_of_job(services.client, name)}instances.jsonl"
        if target not in {stored.name for stored in objects.below(target).values()}:
            objects.upload(target, local_file(rows), generation=0, metadata={"client": services.client})
        return batch_job(services, name, labels, version)

    job = jobs.watch(BATCH, jobs.begin(BATCH, make))
    got = _collect(objects, job, destination, count)
    jobs.settle(BATCH, job)
    return job, got


def batch_job(services: Services, name: str, labels: Mapping[str, str], version: int) -> dict[str, Any]:
    """The BatchPredictionJob; it has no influence on what is deployed."""
    settings = services.settings
    folder = f"gs://{settings.bucket}/{folder_of_job(services.client, name)}"
    machine: dict[str, Any] = {"machine_type": settings.machine}
    if settings.gpu:
        machine |= {"accelerator_type": settings.gpu, "accelerator_count": settings.gpus}
    most = max(settings.replicas, settings.max_replicas)
    job: dict[str, Any] = {
        "display_name": name,
        "labels": dict(labels),
        "model": f"{model_name(services)}@{alias_of(version)}",
        "input_config": {"instances_format": "jsonl", "gcs_source": {"uris": [f"{folder}instances.jsonl"]}},
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": f"{folder}predictions"},
        },
        "dedicated_resources": {
            "machine_spec": machine,
            "starting_replica_count": settings.replicas,
            "max_replica_count": most,
        },
    }
    return job | ({"service_account": settings.service_account} if settings.service_account else {})


def _checked(rows: Path) -> int:
    count = 0
    with rows.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                is_row = isinstance(json.loads(line), dict)
            except ValueError:
                is_row = False
            if not is_row:
                raise DataError(f"line {number} is no JSON object", where=f"file {rows.name}")
            count += 1
    if not count:
        raise DataError("there are no rows in it", where=f"file {rows.name}")
    return count


def _collect(objects: Objects, job: Job, destination: Path, count: int) -> int:
    """Write the parts of the answer to one file, and count them."""
    there = objects.below(f"{job.folder}predictions")
    parts = [there[name] for name in sorted(there) if "prediction.results" in name]
    got = 0
    with durable_file(destination) as staging, staging.open("wb") as file:
        for part in parts:
            lines = objects.read(part).splitlines()
            got += len(lines)
            file.writelines(line + b"\n" for line in lines)
        if got != count:
            raise TargetError(
                f"batch prediction {job.name} has answered {got} of {count} rows",
                where=f"gs://{job.folder}",
                hint="read prediction.errors_stats in its folder; nothing was written here",
            )
    return got
