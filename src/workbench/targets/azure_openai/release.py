"""A version of a client's tuned language model that a service has, as a release.

Weights are not copied: the service keeps them, and there is no way to have them. So it has no example rows either; what
is compared before traffic goes to a deployment is in :mod:`workbench.targets.azure_openai.comparing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.datasets.hosted_model import HostedFolder, HostedModel
from workbench.errors import ModelError
from workbench.files import sha256_of_folder
from workbench.registry.models import CHAMPION, SHA256, find
from workbench.registry.store import Store, open_store, translated
from workbench.scratch import private_folder
from workbench.targets.release import Release

__all__ = ["LanguageRelease", "language_release"]

QUESTION = "Answer with the word ready."
"""What is asked where no example is; no client's text."""


@dataclass(frozen=True)
class LanguageRelease(Release):
    """One version of ``<client>-tune``.

    Attributes:
        record: where the model is; None for a release that is only to be looked for or taken down.
    """

    record: HostedModel | None = None


def language_release(project: Path, client: str, version: int | None = None) -> LanguageRelease:
    """A version of a client's tuned model, by default its champion, checked against the registry's sha256.

    Raises:
        ModelError: there is none, it is not what was registered, or it has weights here and is no service's.
    """
    store, name = open_store(project), f"{client}-tune"
    where = f"client {client}, model {name}"
    with translated(store.uri):
        found = find(store, name, CHAMPION) if version is None else _numbered(store, name, version)
    if found is None:
        what = "there is no champion" if version is None else f"there is no version {version}"
        raise ModelError(what, where=where, hint=f"`kedro run --pipeline tune --env clients/{client}` makes one")
    sha256 = found.tags.get(SHA256, "")
    record = _record(store, found, sha256, f"{where}, version {found.version}")
    return LanguageRelease(client, int(found.version), sha256, found.run_id or "", record=record)


def _numbered(store: Store, name: str, version: int) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return store.api.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _record(store: Store, version: Any, sha256: str, where: str) -> HostedModel:
    import mlflow.artifacts

    with private_folder("model") as temporary, translated(store.uri):
        source = store.api.get_model_version_download_uri(version.name, version.version)
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=temporary))
        if sha256_of_folder(folder) != sha256:
            raise ModelError("its files are not those that were registered (sha256 differs)", where=where)
        if not HostedFolder.is_here(folder):
            raise ModelError(
                "it has its weights here, and is not a service's",
                where=where,
                hint="Azure OpenAI serves what was tuned there: tune.hosted.model",
            )
        return HostedFolder.check(folder).record
