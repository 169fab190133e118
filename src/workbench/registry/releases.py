"""A version as files: what leaves the registry for where it is served."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.registry import flavor
from workbench.registry.models import CHAMPION, SHA256, find
from workbench.registry.store import Store, open_store, translated

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Version", "version_of"]


@dataclass(frozen=True)
class Version:
    """A version in the registry, and how to get its files."""

    client: str
    version: int
    sha256: str
    run_id: str
    artifact: str

    def copy(self, folder: Path) -> None:
        """Copy the artifact (``MLmodel``, ``data/model``, the input example) into an empty folder, checked.

        Raises:
            ModelError: it is not there, or not what was registered.
        """
        where = f"client {self.client}, model version {self.version}"
        with flavor.fetched(self.artifact, self.sha256, where=where) as local:
            shutil.copytree(local, folder, dirs_exist_ok=True)


def version_of(project: Path, client: str, version: int | None = None) -> Version:
    """A version of a client's model; by default the champion.

    Raises:
        ModelError: there is none, or nobody can say what it is.
    """
    store = open_store(project)
    found = find(store, client, CHAMPION) if version is None else _numbered(store, client, version)
    if found is None:
        what = "no champion" if version is None else f"no model version {version}"
        raise ModelError(
            f"client {client} has {what}",
            tried=f"model '{client}' in {store.shown}",
            hint=f"train and register one with `kedro run --env clients/{client}`, or see `kedro mlflow champions`",
        )
    sha256 = found.tags.get(SHA256)
    if sha256 is None:
        raise ModelError(
            "its version has no tag 'sha256', so nobody can say what it is",
            where=f"client {client}, model version {found.version}",
            hint="register it again with `kedro run --pipeline register`",
        )
    with translated(store.uri):
        artifact = store.api.get_model_version_download_uri(found.name, found.version)
    store.refuse_anothers_artifact(client, artifact)
    return Version(client, int(found.version), sha256, found.run_id or "", artifact)


def _numbered(store: Store, client: str, version: int) -> ModelVersion | None:
    from mlflow.exceptions import MlflowException

    with translated(store.uri):
        try:
            return store.api.get_model_version(client, str(version))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
