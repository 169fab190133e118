"""What a client has on an MLflow server, erased by the server's own API as far as that goes, and looked for by it.

The API deletes artifacts, tags, registered models and their versions for good. Runs, logged models and experiments it
only marks as deleted: their parameters, metrics and names of datasets stay in the server's database until somebody who
may write it runs ``mlflow gc`` there (mlflow.org/docs, ``mlflow gc``). That is said, and never claimed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.erasure.needle import Needle
from workbench.erasure.places import Amount
from workbench.erasure.scan import Hit
from workbench.registry.store import Store, open_store, tracking_uri, translated

__all__ = ["OnServer", "amounts", "could_hold", "erase", "erase_files", "examples", "find", "is_a_server", "prove"]

KEPT = frozenset({"MLmodel", "conda.yaml", "configuration.json", "python_env.yaml", "requirements.txt"})
"""Artifacts that say how a model or a run was made, and of no row."""
ERASED = "erased"


@dataclass(frozen=True)
class OnServer:
    """What a client has there.

    Attributes:
        experiments: id to the address of its artifacts.
        runs: id to the address of its artifacts.
        models: id of a logged model to the address of its artifacts.
        registered: names of registered models.
        versions: how many versions these have.
    """

    experiments: dict[str, str]
    runs: dict[str, str]
    models: dict[str, str]
    registered: tuple[str, ...]
    versions: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> OnServer:
        """From what :meth:`to_dict` gave."""
        return cls(**{**known, "registered": tuple(known["registered"])})

    @property
    def addresses(self) -> list[str]:
        """Of all artifacts; a whole experiment's where that is its own, with those of models deleted before."""
        own = [address for one, address in self.experiments.items() if address.rstrip("/").endswith(f"/{one}")]
        rest = [*self.runs.values(), *self.models.values()]
        return own + [one for one in rest if not any(one.startswith(f"{root.rstrip('/')}/") for root in own)]


def is_a_server(project: Path) -> bool:
    """Whether runs are kept by an MLflow server; other stores elsewhere are named in the certificate alone."""
    return tracking_uri(project).startswith(("http://", "https://"))


def find(project: Path, client: str) -> OnServer | None:
    """What there is of a client, marked as deleted or not; None if the project's store is no server.

    Raises:
        ConfigurationError: the server does not let this user look.
        Transient: it does not answer.
    """
    if not is_a_server(project):
        return None
    from mlflow.entities import ViewType

    store = open_store(project)
    with translated(store.uri):
        every = list(_pages(store.api.search_experiments, view_type=ViewType.ALL))
        own = {one.experiment_id: one.artifact_location for one in every if one.name == client}
        runs: dict[str, str] = {}
        for ids, text in ((list(own), ""), ([one.experiment_id for one in every], f"tags.client = '{client}'")):
            found = _pages(store.api.search_runs, experiment_ids=ids, filter_string=text, run_view_type=ViewType.ALL)
            runs |= {run.info.run_id: run.info.artifact_uri for run in (found if ids else ())}
        models = _pages(store.api.search_logged_models, experiment_ids=list(own)) if own else ()
        versions = {
            one.name: sum(1 for _ in _pages(store.api.search_model_versions, filter_string=f"name = '{one.name}'"))
            for name in (client, f"{client}-tune")
            for one in _pages(store.api.search_registered_models, filter_string=f"name = '{name}'")
        }
        return OnServer(
            own,
            runs,
            {one.model_id: one.artifact_location for one in models},
            tuple(versions),
            sum(versions.values()),
        )


def amounts(project: Path, found: OnServer | None) -> list[Amount]:
    """How much that is."""
    if found is None:
        return []
    store = open_store(project)
    rows = len(found.experiments) + len(found.runs) + len(found.models) + len(found.registered) + found.versions
    with translated(store.uri):
        sizes = [size or 0 for address in found.addresses for _, size in _files(address)]
    return [
        Amount("MLflow server: experiments, runs, models and versions", rows=rows),
        Amount("MLflow server: artifacts", files=len(sizes), bytes=sum(sizes)),
    ]


def erase(project: Path, found: OnServer | None) -> None:
    """Erase it as far as the API goes; what a killed call has done already is no error.

    Raises:
        ConfigurationError: the server does not let this user do that, or has no way to delete artifacts.
        Transient: it does not answer.
    """
    if found is None:
        return
    store = open_store(project)
    with translated(store.uri):
        for address in found.addresses:
            _delete_files(address, None)
        for experiment in found.experiments:
            _if_there(_restore_experiment, store, experiment)
        for delete, names in (
            (_delete_registered_model, found.registered),
            (_delete_logged_model, found.models),
            (_delete_run, found.runs),
            (_delete_experiment, found.experiments),
        ):
            for name in names:
                _if_there(delete, store, name)


def examples(project: Path, client: str) -> list[tuple[str, str]]:
    """Artifacts that may show values of rows: pairs of an address and a path below it."""
    found = find(project, client)
    if found is None:
        return []
    with translated(tracking_uri(project)):
        return [(address, path) for address in found.addresses for path, _ in _files(address) if could_hold(path)]


def could_hold(path: str) -> bool:
    """Whether an artifact may show values: examples of rows, and what an evaluation found; not a model's own files."""
    return PurePosixPath(path).name not in KEPT and "data" not in PurePosixPath(path).parts


def erase_files(project: Path, files: list[tuple[str, str]]) -> None:
    """Erase single artifacts."""
    with translated(tracking_uri(project)):
        for address, path in files:
            _delete_files(address, path)


def prove(project: Path, client: str, found: OnServer | None, needle: Needle) -> tuple[list[Hit], list[str]]:
    """Look for it by the API.

    Returns:
        What should be gone and is not; and, each as a sentence, what the API cannot erase.
    """
    if found is None:
        return [], []
    store = open_store(project)
    where, left = f"MLflow server {store.shown}", []
    now = find(project, client)
    if now is not None:
        left += [Hit(where, f"experiment {one}") for one in now.experiments]
        left += [Hit(where, f"run {one}, by its tag") for one in now.runs]
        left += [Hit(where, f"registered model {one}") for one in now.registered]
    with translated(store.uri):
        left += [
            Hit(where, f"artifact {path} of {address}") for address in found.addresses for path, _ in _files(address)
        ]
        told = sum(_tells(store, run, needle) for run in found.runs)
    if not (found.runs or found.models or found.experiments):
        return left, []
    ids = f" --experiment-ids {','.join(found.experiments)}" if found.experiments else ""
    said = (
        f"the MLflow server {store.shown}: {len(found.runs)} runs, {len(found.models)} logged models and "
        f"{len(found.experiments)} experiments are marked as deleted, without tags and artifacts. Parameters, metrics "
        f"and names of datasets stay in its database, and {told} runs name the client in them, until somebody runs "
        f"there: mlflow gc --backend-store-uri <its own> --tracking-uri {store.shown}{ids}"
    )
    return left, [said]


def _delete_registered_model(store: Store, name: str) -> None:
    store.api.delete_registered_model(name)


def _delete_run(store: Store, run: str) -> None:
    known = store.api.get_run(run)
    if known.info.lifecycle_stage != "active":
        if known.info.run_name == ERASED:
            return
        store.api.restore_run(run)  # somebody deleted it with all its tags
    for tag in known.data.tags:
        store.api.delete_tag(run, tag)
    store.api.update_run(run, name=ERASED)
    store.api.delete_run(run)


def _delete_logged_model(store: Store, model: str) -> None:
    for tag in store.api.get_logged_model(model).tags:
        store.api.delete_logged_model_tag(model, tag)
    store.api.delete_logged_model(model)


def _restore_experiment(store: Store, experiment: str) -> None:
    """What was deleted under the client's name cannot be changed, and its runs neither."""
    known = store.api.get_experiment(experiment)
    if known.lifecycle_stage != "active" and not known.name.startswith(f"{ERASED}-"):
        store.api.restore_experiment(experiment)


def _delete_experiment(store: Store, experiment: str) -> None:
    known = store.api.get_experiment(experiment)
    if known.lifecycle_stage != "active":
        return
    for tag in known.tags:
        store.api.delete_experiment_tag(experiment, tag)
    store.api.rename_experiment(experiment, f"{ERASED}-{experiment}")
    store.api.delete_experiment(experiment)


def _tells(store: Store, run: str, needle: Needle) -> bool:
    """Whether what is left of a run names the client."""
    known = store.api.get_run(run).to_dictionary()
    return needle.pattern.search(json.dumps(known, ensure_ascii=False).encode()) is not None


def _if_there(act: Callable[[Store, str], None], store: Store, name: str) -> None:
    """What is gone is no error."""
    from mlflow.exceptions import MlflowException

    try:
        act(store, name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _files(address: str, below: str | None = None) -> Iterator[tuple[str, int | None]]:
    """Path and bytes of each artifact."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    for one in get_artifact_repository(address).list_artifacts(below):
        if one.is_dir:
            yield from _files(address, one.path)
        else:
            yield one.path, one.file_size


def _delete_files(address: str, path: str | None) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(address)
    repository.delete_artifacts(path)


def _pages(search: Callable[..., Any], **wanted: Any) -> Iterator[Any]:
    """All results of a search that answers by the page."""
    token = None
    while True:
        page = search(**wanted, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
