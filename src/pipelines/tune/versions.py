"""Versions of a client's tuned model in the registry: registered once each, read back only after they were checked.

The registered model is ``<client>-tune``; no client id holds a hyphen, so it can be no client's tabular model. The
artifact is the folder as it is: safetensors, JSON, manifest. MLflow's own transformers flavour is not used: it would
load the model to save it again, and keep a copy of the base beside each adapter, or its hub name without a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.files import sha256_of_folder
from workbench.registry import marks, runs
from workbench.registry.flavor import local_folder
from workbench.registry.models import SHA256, tuned_name
from workbench.registry.store import Store, translated

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from workbench.clients import Client
    from workbench.datasets.hosted_model import HostedFolder
    from workbench.learning.language import BaseModel, TunedFolder

__all__ = ["opened", "prompt_version", "register", "training_run"]

ARTIFACT = "language_model"


def training_run(store: Store, client_id: str, sha256: str) -> str:
    """The run that wrote the tuned model, else the present one, else one made for it (in a notebook)."""
    with translated(store.uri):
        experiment = store.experiment(client_id)
        found = store.api.search_runs(
            [experiment],
            filter_string=f"tags.`{runs.sha256_tag('tuned_model')}` = '{sha256}'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        if found:
            return str(found[0].info.run_id)
        present = runs.current()
        if present is not None:
            return present.id
        made = store.api.create_run(experiment, run_name=f"{client_id} tune")
        store.api.set_terminated(made.info.run_id)
        return str(made.info.run_id)


def register(
    store: Store, client: Client, folder: Path, *, run_id: str, sha256: str, tags: Mapping[str, Any]
) -> tuple[int, bool]:
    """Register a folder as the next version; the same files (by sha256) stay the version they are.

    Returns:
        The version, and whether it was there before.

    Raises:
        ModelError: what was logged is not what was given.
    """
    from mlflow.exceptions import MlflowException

    name = tuned_name(client.id)
    with translated(store.uri):
        known = store.api.search_model_versions(f"name = '{name}' and tags.`{SHA256}` = '{sha256}'")
        for version in sorted(known, key=lambda one: int(one.version), reverse=True):
            with suppress(ModelError), _fetched(store, version):
                return int(version.version), True
        store.api.log_artifacts(run_id, str(folder), _artifact(sha256))
        with suppress(MlflowException):  # it exists; if not, the next call says why
            store.api.create_registered_model(name, description=f"{client.title}: tuned language models")
        made = store.api.create_model_version(
            name,
            source=f"runs:/{run_id}/{_artifact(sha256)}",
            run_id=run_id,
            tags={
                SHA256: sha256,
                "client": client.id,
                **{key: str(value) for key, value in tags.items()},
                # A service hands out the model of a job that is done, so no run says that it was trained again.
                **marks.inherited(known, trained=None),
            },
        )
    with _fetched(store, made):
        return int(made.version), False


@contextmanager
def opened(
    store: Store, version: ModelVersion, find: Callable[[str, str | None], BaseModel]
) -> Iterator[TunedFolder | HostedFolder]:
    """A version's folder, checked, for as long as the block lasts.

    Raises:
        ModelError: it is not what was registered, or its base is not here.
    """
    from workbench.datasets.hosted_model import HostedFolder
    from workbench.learning.language import TunedFolder

    with _fetched(store, version) as folder:
        yield HostedFolder.check(folder) if HostedFolder.is_here(folder) else TunedFolder.check(folder, find)


def prompt_version(store: Store, client_id: str, system: str | None) -> tuple[str, int]:
    """The version of the client's prompt that says this, in MLflow's prompt registry; a new one if the newest does not.

    Args:
        store: the opened store.
        client_id: whose prompt it is.
        system: the system message of all examples; None if they have none, or not all the same.
    """
    template = [{"role": "system", "content": system}] if system else []
    template.append({"role": "user", "content": "{{prompt}}"})
    name = f"{tuned_name(client_id)}-prompt"
    with translated(store.uri):
        newest = store.api.load_prompt(f"prompts:/{name}@latest", allow_missing=True)
        if newest is None or newest.template != template:
            newest = store.api.register_prompt(name, template, tags={"client": client_id})
    return name, int(newest.version)


def _artifact(sha256: str) -> str:
    """Where a model lies among its run's artifacts; a notebook may log several in one run."""
    return f"{ARTIFACT}/{sha256[:12]}"


@contextmanager
def _fetched(store: Store, version: ModelVersion) -> Iterator[Path]:
    """The files of a version, held against its tag ``sha256``."""
    where = f"model {version.name}, version {version.version}"
    sha256 = version.tags.get(SHA256, "")
    with translated(store.uri):
        artifact = f"{store.api.get_run(version.run_id).info.artifact_uri}/{_artifact(sha256)}"
    with local_folder(artifact, where) as folder:
        if sha256_of_folder(folder) != sha256:
            raise ModelError(
                "its files are not those that were registered (sha256 differs)",
                where=where,
                hint="register it again with `kedro run --pipeline tune`, or move the alias to another version",
            )
        yield folder
