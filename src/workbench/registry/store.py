"""Where MLflow keeps runs and models, and how it is opened.

``MLFLOW_TRACKING_URI`` wins. Without it the store is embedded: ``<project>/.mlflow/mlflow.db`` and, beside it,
``artifacts/<client>``. There is nothing to start, and several processes may use it at once.
"""

from __future__ import annotations

import errno
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from workbench.errors import ConfigurationError, ModelError, StorageError, Transient
from workbench.registry import local_store
from workbench.secrets.redaction import redact_text

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["Store", "environment_kept", "known_warnings_ignored", "open_store", "quiet", "tracking_uri", "translated"]

_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Without it, MLflow's pages take an experiment for one with language models."""

_TRACKING, _REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"


def tracking_uri(project: Path) -> str:
    """The address of the store: ``MLFLOW_TRACKING_URI``, else the SQLite file of the project."""
    return os.environ.get(_TRACKING) or local_store.uri(project)


def quiet() -> None:
    """Set what MLflow reads from the environment: no telemetry, no chatter, and never a pickle.

    Call it before MLflow is imported; processes that are started later inherit it.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # Loading our own flavor never unpickles; this closes the door for everybody else's.
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # The default of seven tries with back-off holds a run for minutes before it says that the server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])


@dataclass(frozen=True)
class Store:
    """An opened store.

    Attributes:
        project: the project's folder.
        uri: where it is; may hold a password, so show :attr:`shown`.
        api: MLflow's own client.
    """

    project: Path
    uri: str
    api: MlflowClient

    @property
    def shown(self) -> str:
        """The address, for people."""
        return redact_text(self.uri)

    def refuse_anothers_artifact(self, client_id: str, artifact: str) -> None:
        """In the embedded store, a version of a client's model points to nothing but the client's own artifacts.

        Anybody may write any source into a registry; a server checks that itself, or its permissions do.

        Raises:
            ModelError: it lies elsewhere, by its address, by what that decodes to, or by a link.
        """
        if self.uri != local_store.uri(self.project):
            return
        root = local_store.artifacts(self.project).resolve()
        real = Path(artifact.removeprefix("file://")).resolve()
        text = str(real.relative_to(root)) if real.is_relative_to(root) else ".."
        for _ in range(3):  # MLflow decodes an address, and has done so twice (CVE-2024-1560)
            real = (root / text).resolve()
            # What was logged outside of any client's run lies in MLflow's experiment 0, which is nobody's.
            is_own = real.is_relative_to(root) and real.relative_to(root).parts[:1] in {(client_id,), ("0",)}
            if not is_own or {"#", "?"} & set(text):
                raise _refused(client_id, artifact)
            text = unquote(text)

    def experiment(self, client_id: str) -> str:
        """The id of a client's experiment; it is made if there is none.

        Raises:
            ConfigurationError: somebody deleted it.
        """
        from mlflow.exceptions import MlflowException

        with translated(self.uri):
            found = self.api.get_experiment_by_name(client_id)
            if found is None:
                # A server chooses where artifacts lie; of a database or a folder, nobody else does.
                remote = self.uri.startswith(("http:", "https:", "databricks"))
                location = None if remote else str(local_store.artifacts(self.project) / client_id)
                try:
                    return str(self.api.create_experiment(client_id, artifact_location=location, tags=_KIND))
                except MlflowException:
                    # Another process of this client was quicker.
                    found = self.api.get_experiment_by_name(client_id)
                    if found is None:
                        raise
        if found.lifecycle_stage != "active":
            raise ConfigurationError(
                "its MLflow experiment was deleted",
                where=f"client {client_id}, {self.shown}",
                hint=f"bring it back with `mlflow experiments restore --experiment-id {found.experiment_id}`",
            )
        return str(found.experiment_id)


_DISK = {
    "database or disk is full": ("the disk is full", "free some space on it"),
    "disk I/O error": (
        "the disk takes no more, or fails",
        "look if it is full, at `ulimit -f`, and at the system's log",
    ),
    "attempt to write a readonly database": ("this user may not write there", "look at whose folder it is"),
    "unable to open database file": ("the disk has no room for another file, or is read-only", "look at the disk"),
}
"""SQLite's words (sqlite.org/rescode.html), which MLflow hands on in the middle of a long message of its own."""


def _storage_error(error: Exception, uri: str) -> StorageError | None:
    """Whether a disk of this machine takes no more: that of the embedded store, or that of its artifacts."""
    if uri.startswith(("http:", "https:")):
        return None
    where = f"MLflow store {redact_text(uri)}"
    whole = "what was recorded before is whole; then run the same command again"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
        said = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota of this user is used up"}
        return StorageError(
            said.get(error.errno, "the disk is read-only"), where=where, hint=f"free some space; {whole}"
        )
    found = next((words for text, words in _DISK.items() if text in str(error)), None)
    if found is None or not type(error).__module__.startswith(("mlflow.", "sqlalchemy.", "sqlite3")):
        return None
    return StorageError(found[0], where=where, hint=f"{found[1]}; {whole}")


def _is_denied(error: Exception) -> bool:
    """Whether a server knows who asks, or does not, and says no; asking again changes nothing."""
    denied = getattr(error, "error_code", None) in {"PERMISSION_DENIED", "UNAUTHENTICATED"}
    return denied or "failed with error code 403" in str(error) or "failed with error code 401" in str(error)


def _refused(client_id: str, artifact: str) -> ModelError:
    return ModelError(
        "its artifact does not lie where this client's do",
        where=f"client {client_id}",
        tried=redact_text(artifact),
        hint=f"register it again: `kedro run --pipeline register --env clients/{client_id}`",
    )


def open_store(project: Path | None = None) -> Store:
    """Open the store of a project (by default, of the working directory), and make it MLflow's own for this process.

    Raises:
        ConfigurationError: the store cannot be used: it is damaged, or belongs to another version of MLflow.
        Transient: a server does not answer.
    """
    project = (project or Path.cwd()).resolve()
    uri = tracking_uri(project)
    quiet()
    with translated(uri), known_warnings_ignored():
        if uri == local_store.uri(project):
            local_store.prepare(project)
        import mlflow

        registry = os.environ.get(_REGISTRY) or (None if uri.startswith("databricks") else uri)
        with environment_kept():
            mlflow.set_tracking_uri(uri)
            if registry:
                # Unless it is told, MLflow asks for a Spark session first, which imports pyspark: more than a second.
                mlflow.set_registry_uri(registry)
        api = mlflow.MlflowClient(uri, registry)
        try:
            api.get_experiment_by_name("Default")  # the first question that really opens it
        except mlflow.MlflowException as error:
            if not _is_denied(error):  # a client's user need not see that one
                raise
    return Store(project, uri, api)


@contextmanager
def environment_kept() -> Iterator[None]:
    """Undo what MLflow exports in the block: a setting of this project must not bind the next one, or a child's."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in before]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def known_warnings_ignored() -> Iterator[None]:
    """Hold back what MLflow 3.17 causes in its own code while it is imported; a reader could do nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        yield


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn MLflow's errors into the workbench's: the one place where that happens."""
    try:
        yield
    except Exception as error:
        if (storage := _storage_error(error, uri)) is not None:
            raise storage from error
        if not type(error).__module__.startswith(("mlflow.", "requests.", "sqlalchemy.", "sqlite3")):
            raise
        message = redact_text(str(error).splitlines()[0] if str(error) else type(error).__name__)
        passing = getattr(error, "error_code", None) in {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}
        where = f"MLflow store {redact_text(uri)}"
        if "out-of-date database schema" in message:
            raise ConfigurationError(
                "its schema belongs to another version of MLflow",
                where=where,
                hint=f"copy the file, then `mlflow db upgrade {redact_text(uri)}`",
            ) from error
        if _is_denied(error):
            raise ConfigurationError(
                "the server does not let this user do that",
                where=where,
                hint="MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD name the user; docs/isolation.md",
            ) from error
        if passing or "API request to" in message or type(error).__module__.startswith("requests."):
            raise Transient(message, where=where, hint="see that it is up, and run the same command again") from error
        raise ConfigurationError(message, where=where) from error
