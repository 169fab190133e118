"""The pipeline as Vertex AI runs it: the intermediate representation of Kubeflow Pipelines, version 2.1.0.

https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto ·
https://cloud.google.com/vertex-ai/docs/pipelines/run-pipeline. Written here, since ``kfp`` cannot be installed beside
what the workbench needs; ``make test-kfp`` has it read what is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ConfigurationError
from workbench.targets.names import name_of
from workbench.targets.vertex.grouping import Container
from workbench.targets.vertex.jobs import PIPELINE, Job, Jobs, folder_of_job
from workbench.targets.vertex.services import Services
from workbench.targets.vertex.training import container

__all__ = ["pipeline_job", "pipeline_spec", "refuse_lost_runs", "run_pipeline"]

SCHEMA = "2.1.0"
DEFAULT = "__default__"
GPU = "train"
"""Nodes with this tag train, so their container gets what accelerates it."""


def pipeline_spec(
    services: Services, name: str, containers: Sequence[Container], pipeline: str = DEFAULT
) -> dict[str, Any]:
    """The specification; what it holds is the same for the same containers and name.

    Args:
        services: whose, and with which image.
        name: of the job, whose folder the containers share.
        containers: in an order in which they can run.
        pipeline: whose nodes they are.
    """
    executors = {f"exec-{_key(one)}": _executor(services, name, one, pipeline) for one in containers}
    return {
        "pipelineInfo": {"name": name_of(services.client)},
        "schemaVersion": SCHEMA,
        "sdkVersion": "kfp-2.14.0",
        "components": {f"comp-{_key(one)}": {"executorLabel": f"exec-{_key(one)}"} for one in containers},
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": {_key(one): _task(one) for one in containers}}},
    }


def pipeline_job(services: Services, name: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> dict[str, Any]:
    """The PipelineJob."""
    settings = services.settings
    job: dict[str, Any] = {
        "display_name": name,
        "labels": dict(labels),
        "pipeline_spec": spec,
        "runtime_config": {
            "gcs_output_directory": f"gs://{settings.bucket}/{folder_of_job(services.client, name)}root"
        },
    }
    return job | ({"service_account": settings.service_account} if settings.service_account else {})


def run_pipeline(services: Services, jobs: Jobs, containers: Sequence[Container], pipeline: str = DEFAULT) -> Job:
    """Submit the pipeline, or find the one that goes on, and watch it to its end.

    Raises:
        ConfigurationError: containers share no MLflow server, or no image is configured.
        TargetError, StillWorking: as :meth:`Jobs.watch` says.
    """
    refuse_lost_runs(services, containers)

    def make(name: str, labels: Mapping[str, str]) -> Mapping[str, Any]:
        return pipeline_job(services, name, labels, pipeline_spec(services, name, containers, pipeline))

    job = jobs.watch(PIPELINE, jobs.begin(PIPELINE, make))
    jobs.settle(PIPELINE, job)
    return job


def refuse_lost_runs(services: Services, containers: Sequence[Container]) -> None:
    """Refuse several containers that have no MLflow server: each would register in a store that ends with it."""
    if len(containers) > 1 and services.settings.train.mlflow is None:
        raise ConfigurationError(
            f"{len(containers)} containers share no MLflow server, and runs and versions would end with each",
            where=f"client {services.client}",
            hint="set `train.mlflow` of the target, or put all into one container: --containers ingest+prepare+train+…",
        )


def _executor(services: Services, name: str, one: Container, pipeline: str) -> dict[str, Any]:
    nodes = ",".join(step.name for step in one.steps)
    which = [] if pipeline == DEFAULT else ["--pipelines", pipeline]
    made = container(services, name, [*which, "--nodes", nodes])
    spec: dict[str, Any] = {"image": made["image_uri"], "command": made["command"], "args": made["args"]}
    if "env" in made:
        spec["env"] = made["env"]
    train = services.settings.train
    if train.gpu and any(GPU in step.tags for step in one.steps):
        # Twice, as kfp does: older readers know the first two fields alone.
        count = str(train.gpus)
        accelerator = {"type": train.gpu, "count": count, "resourceType": train.gpu, "resourceCount": count}
        spec["resources"] = {"accelerator": accelerator}
    return {"container": spec}


def _task(one: Container) -> dict[str, Any]:
    task: dict[str, Any] = {
        "cachingOptions": {"enableCache": False},
        "componentRef": {"name": f"comp-{_key(one)}"},
        "taskInfo": {"name": _key(one)},
    }
    return task | ({"dependentTasks": [name.replace("_", "-") for name in one.after]} if one.after else {})


def _key(one: Container) -> str:
    """A container's name as task names are written."""
    return one.name.replace("_", "-")
