"""Model versions of a client: registered once each, read back only after they were checked.

The registered model has the client's id as its name. Three aliases say what a version is: ``challenger`` (the newest),
``champion`` (what ``score`` uses; the gate moves it, and a person may), ``previous_champion`` (the way back).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.registry import flavor, marks
from workbench.registry.store import Store, open_store, translated

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.entities.model_registry import ModelVersion

    from workbench.clients import Client
    from workbench.learning import TabularModel

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "PREVIOUS",
    "Champion",
    "Registered",
    "Standing",
    "champion",
    "find",
    "load",
    "register",
    "set_alias",
    "standings",
    "tuned_name",
    "tuned_standings",
]

logger = logging.getLogger(__name__)

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous_champion"
SHA256 = "sha256"
HOLDOUT = "holdout."
"""Before the name of the primary metric: the tag with its value on the rows that the gate looked at."""


@dataclass(frozen=True)
class Champion:
    """A client's champion, loaded."""

    client: str
    version: int
    run_id: str
    sha256: str
    model: TabularModel

    def predict(self, table: Any, *, keep: Sequence[str] = (), coverage: float | None = None) -> Any:
        """Predict every row of a pandas, Polars, Arrow or Ibis table; the answer is a table of the same kind.

        See :func:`workbench.registry.answers.answer`.
        """
        from workbench.registry.answers import answer

        return answer(self.model, table, keep=keep, coverage=coverage)


@dataclass(frozen=True)
class Standing:
    """Which version is a client's champion; None: none yet."""

    client: str
    version: int | None


@dataclass(frozen=True)
class Registered:
    """A version of a model.

    Attributes:
        version: its number.
        run_id: the run that trained it.
        sha256: what it is.
        adopted: whether the same model had been registered before.
    """

    version: int
    run_id: str
    sha256: str
    adopted: bool


def champion(client_id: str, project: Path | None = None) -> Champion:
    """The version that the alias ``champion`` points to, loaded and checked.

    Raises:
        ModelError: there is none, or it is not what was registered.
    """
    store = open_store(project)
    found = find(store, client_id, CHAMPION)
    if found is None:
        raise ModelError(
            f"client {client_id} has no champion",
            tried=f"alias '{CHAMPION}' of model '{client_id}' in {store.shown}",
            hint=f"train and register one with `kedro run --env clients/{client_id}`, "
            f"or read why the gate said no in data/{client_id}/08_reporting/verdict.json",
        )
    return load(store, found)


def find(store: Store, client_id: str, alias: str) -> ModelVersion | None:
    """The version that an alias points to, or None."""
    from mlflow.exceptions import MlflowException

    with translated(store.uri):
        try:
            return store.api.get_model_version_by_alias(client_id, alias)
        except MlflowException as error:
            # "The alias does not exist" comes as INVALID_PARAMETER_VALUE from the SQL store.
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise


def load(store: Store, version: ModelVersion) -> Champion:
    """Load a version after it was checked against its tag ``sha256``."""
    sha256 = version.tags.get(SHA256)
    with translated(store.uri):
        artifact = store.api.get_model_version_download_uri(version.name, version.version)
    store.refuse_anothers_artifact(version.name, artifact)
    model = flavor.load(artifact, sha256, where=f"client {version.name}, model version {version.version}")
    return Champion(version.name, int(version.version), version.run_id or "", sha256 or "", model)


def register(
    store: Store,
    client: Client,
    saved: flavor.Saved,
    *,
    run_id: str,
    example: pa.Table,
    tags: Mapping[str, Any],
    trained: datetime | None = None,
) -> Registered:
    """Register a model as the client's next version; the same model (by sha256) stays the version it is.

    What was logged is loaded again, and must predict the example as the model does, before there is a version. A mark
    to train it again stays with the model, whichever version it is, until a training came after it.

    Args:
        store: the opened store.
        client: whose model it is.
        saved: the model.
        run_id: the run that trained it.
        example: a few real rows of the features.
        tags: set on a new version.
        trained: when the newest training that came out as this model began; None if that is not known.
    """
    same = _same(store, client.id, saved.sha256)
    known = _readable(store, same)
    if known is not None:
        marks.relieve(store, known, trained)
        return Registered(int(known.version), known.run_id or run_id, saved.sha256, adopted=True)
    with translated(store.uri):
        model_id, artifact = flavor.log(saved, run_id=run_id, example=example)
        again = flavor.load(artifact, saved.sha256, where=f"client {client.id}")
        _check_same_predictions(saved.model, again, example)
        _create_model(store, client)
        made = store.api.create_model_version(
            client.id,
            source=f"models:/{model_id}",
            run_id=run_id,
            model_id=model_id,
            tags={
                SHA256: saved.sha256,
                "client": client.id,
                **{key: str(value) for key, value in tags.items()},
                **marks.inherited(same, trained),
            },
        )
    return Registered(int(made.version), run_id, saved.sha256, adopted=False)


def set_alias(store: Store, client_id: str, alias: str, version: int) -> None:
    """Let an alias point to a version."""
    with translated(store.uri):
        store.api.set_registered_model_alias(client_id, alias, str(version))


def tuned_name(client_id: str) -> str:
    """The name of a client's tuned language model in the registry; no client id holds a hyphen."""
    return f"{client_id}-tune"


def standings(store: Store, client_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Each client's champion as JSON: version, run, metric on the rows that the gate saw, since when, and why."""
    return [_standing(store, client_id, client_id) for client_id in client_ids]


def tuned_standings(store: Store, client_ids: Iterable[str]) -> list[dict[str, Any]]:
    """The same of tuned language models, for those clients that have one."""
    rows = [_standing(store, client_id, tuned_name(client_id)) for client_id in client_ids]
    return [row for row in rows if row["version"] or _is_registered(store, row["model"])]


def _standing(store: Store, client_id: str, model: str) -> dict[str, Any]:
    found = find(store, model, CHAMPION)
    tags = dict(found.tags) if found else {}
    metric = next((name for name in tags if name.startswith(HOLDOUT)), None)
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC) if found else None
    return {
        "client": client_id,
        "model": model,
        "version": int(found.version) if found else None,
        "run_id": found.run_id if found else None,
        "metric": f"{metric.removeprefix(HOLDOUT)} {float(tags[metric]):.4f}" if metric else None,
        "registered": created.isoformat(timespec="seconds") if created else None,
        "reasons": tags.get("reasons"),
        "retrain": tags.get(marks.RETRAIN),
    }


def _is_registered(store: Store, model: str) -> bool:
    """Whether there is a version, which may be no champion."""
    with translated(store.uri):
        return bool(store.api.search_model_versions(f"name = '{model}'", max_results=1))


def _same(store: Store, client_id: str, sha256: str) -> list[ModelVersion]:
    """The versions that are this very model, the newest first."""
    with translated(store.uri):
        found = store.api.search_model_versions(f"name = '{client_id}' and tags.`{SHA256}` = '{sha256}'")
    return sorted(found, key=lambda one: int(one.version), reverse=True)


def _readable(store: Store, versions: Iterable[ModelVersion]) -> ModelVersion | None:
    """The first of them that can still be read."""
    for version in versions:
        try:
            load(store, version)
        except ModelError as problem:
            logger.warning("%s; it is registered anew", problem)
        else:
            return version
    return None


def _create_model(store: Store, client: Client) -> None:
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it exists, or another process was quicker; if not, the next call says why
        store.api.create_registered_model(client.id, description=f"{client.title}. {client.description}".strip())


def _check_same_predictions(model: TabularModel, again: TabularModel, example: pa.Table) -> None:
    import numpy as np

    # The model may lie on a GPU, where the last digits differ; the file's own bytes are held by the sha256.
    if not np.allclose(model.predict(example), again.predict(example), rtol=1e-3, atol=1e-4):
        raise ModelError(
            "the model predicts something else after it was saved and loaded",
            hint="this is a fault of the workbench; please report it with the client's configuration",
        )
