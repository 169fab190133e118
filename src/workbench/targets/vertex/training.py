"""``train`` on a machine of Vertex AI: features up, a custom job, the candidate down.

https://cloud.google.com/vertex-ai/docs/training/create-custom-job
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.errors import ConfigurationError, TargetError
from workbench.files import durable_file, durable_folder
from workbench.targets.vertex.jobs import CUSTOM, Job, Jobs, folder_of_job
from workbench.targets.vertex.objects import Objects, files_of
from workbench.targets.vertex.services import Services

__all__ = ["FILES", "INPUTS", "OUTPUTS", "bring", "container", "fetch", "train", "training_job"]

INPUTS = ("data/{client}/04_feature",)
OUTPUTS = ("models/{client}/candidate",)
"""Come back as a whole."""

FILES = ("data/{client}/07_model_output", "data/{client}/08_reporting")
"""Hold files of other pipelines, too; each file comes back by itself."""


def train(services: Services, jobs: Jobs, project: Path) -> Job:
    """Train a client's candidate there; killed and given again, it finds the job that goes on.

    Raises:
        ConfigurationError: no training image is configured, or there are no features yet.
        TargetError, StillWorking: as :meth:`Jobs.watch` says.
    """
    _image(services)
    objects = Objects(services)

    def make(name: str, labels: Mapping[str, str]) -> Mapping[str, Any]:
        bring(objects, services.client, name, project, INPUTS)
        return training_job(services, name, labels)

    job = jobs.watch(CUSTOM, jobs.begin(CUSTOM, make))
    fetch(objects, services.client, job, project)
    jobs.settle(CUSTOM, job)
    return job


def training_job(services: Services, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The CustomJob: one machine, one container."""
    settings, train = services.settings, services.settings.train
    machine: dict[str, Any] = {"machine_type": train.machine}
    if train.gpu:
        machine |= {"accelerator_type": train.gpu, "accelerator_count": train.gpus}
    pool = {
        "machine_spec": machine,
        "replica_count": 1,
        "disk_spec": {"boot_disk_type": "pd-ssd", "boot_disk_size_gb": train.disk_gib},
        "container_spec": container(services, name, ["--pipelines", "train"]),
    }
    spec: dict[str, Any] = {
        "worker_pool_specs": [pool],
        "scheduling": {"timeout": {"seconds": int(train.deadline_seconds)}, "restart_job_on_worker_restart": False},
        "base_output_directory": {
            "output_uri_prefix": f"gs://{settings.bucket}/{folder_of_job(services.client, name)}out"
        },
    }
    if settings.service_account:
        spec["service_account"] = settings.service_account
    return {"display_name": name, "labels": dict(labels), "job_spec": spec}


def container(services: Services, name: str, kedro: list[str]) -> dict[str, Any]:
    """A container that runs Kedro on the job's files."""
    shared = f"/gcs/{services.settings.bucket}/{folder_of_job(services.client, name).rstrip('/')}"
    made: dict[str, Any] = {
        "image_uri": _image(services),
        "command": ["python", "-m", "workbench.targets.vertex.inside"],
        "args": ["--client", services.client, "--shared", shared, "--", *kedro],
    }
    if services.settings.train.mlflow:
        made["env"] = [{"name": "MLFLOW_TRACKING_URI", "value": services.settings.train.mlflow}]
    return made


def bring(objects: Objects, client: str, name: str, project: Path, folders: tuple[str, ...]) -> None:
    """Upload folders of a client to its job; what is there already is not uploaded again.

    Raises:
        ConfigurationError: one of them is empty.
    """
    prefix = folder_of_job(client, name)
    there = objects.below(prefix)
    for folder in (text.format(client=client) for text in folders):
        files = files_of(project / folder) if (project / folder).is_dir() else {}
        if not files:
            raise ConfigurationError(
                f"{folder} is empty, and the job reads it",
                where=f"client {client}",
                hint=f"`kedro run --env clients/{client} --pipelines ingest,prepare`",
            )
        for path, file in files.items():
            known = there.get(f"{folder}/{path}")
            if known is None or (known.size, known.sha256, known.crc32c) != (file.size, file.sha256, file.crc32c):
                generation = known.generation if known else 0
                objects.upload(f"{prefix}{folder}/{path}", file, generation=generation, metadata={"client": client})


def fetch(objects: Objects, client: str, job: Job, project: Path) -> None:
    """Download what a job has made; the candidate takes the place of the one here when it is whole.

    Raises:
        TargetError: there is no candidate, or an object has a name that leads out of its folder.
    """
    there = objects.below(job.folder)

    def below(folder: str) -> dict[PurePosixPath, Any]:
        # Cloud Storage FUSE, by which the job writes, leaves an empty object for each folder.
        names = [name for name in there if name.startswith(folder + "/") and not name.endswith("/")]
        return {objects.inside(name.removeprefix(folder + "/")): there[name] for name in names}

    # All names are looked at before the first byte is written.
    folders = {text.format(client=client): below(text.format(client=client)) for text in OUTPUTS}
    files = {text.format(client=client): below(text.format(client=client)) for text in FILES}
    for folder, found in folders.items():
        if not found:
            raise TargetError(
                f"{job.name} has left nothing in {folder}",
                where=f"client {client}, gs://{job.folder}",
                hint="read its log in the Cloud console: the image has to run this project's `kedro run`",
            )
        with durable_folder(project / folder) as staging:
            for name, stored in found.items():
                objects.download(stored, staging / name)
    for folder, found in files.items():
        for name, stored in found.items():
            with durable_file(project / folder / name) as staging:
                objects.download(stored, staging)


def _image(services: Services) -> str:
    if services.settings.train.image is None:
        raise ConfigurationError(
            "no training image is configured",
            where=f"client {services.client}",
            hint="set `train.image` of the target in client.yml; docs/targets/vertex.md says what has to be in it",
        )
    return services.settings.train.image
