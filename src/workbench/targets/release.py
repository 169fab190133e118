"""What is deployed: one version of a client's model, kept whole beside the client's other models.

A release is copied from the registry once, checked, and stays as it is: what is served next month can be told from a
folder, whatever has become of the registry's store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.files import durable_folder, recover_folder, sha256_of_folder

if TYPE_CHECKING:
    from workbench.learning import TabularModel

__all__ = ["DATA", "EXAMPLE", "Release", "release_of"]

DATA = "data/model"
"""The model's own folder inside the artifact, as :mod:`workbench.registry.flavor` lays it out."""

EXAMPLE = "input_example.json"
"""Real rows, in MLflow's form ``{"columns": [...], "data": [[...], ...]}``."""


@dataclass(frozen=True)
class Release:
    """One version of a client's model.

    Attributes:
        client: whose.
        version: in the registry.
        sha256: of the model's folder.
        run_id: the MLflow run that trained it.
        artifact: the folder that the registry keeps of it (``MLmodel``, ``data/model``); it need not exist for a
            release that is only to be looked for or taken down, since all names follow from client and version.
    """

    client: str
    version: int
    sha256: str = ""
    run_id: str = ""
    artifact: Path = Path()

    @property
    def folder(self) -> Path:
        """The model's own folder."""
        return self.artifact / DATA

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A few real rows, to ask a server with; empty if none were registered."""
        try:
            kept = json.loads((self.artifact / EXAMPLE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        # JSON has no NaN; MLflow writes it all the same.
        rows = [[None if value != value else value for value in row] for row in kept["data"]]  # noqa: PLR0124
        return [dict(zip(kept["columns"], row, strict=True)) for row in rows]

    @cached_property
    def expected(self) -> list[dict[str, Any]]:
        """What the model says of :attr:`rows`: ``prediction``, and ``probability`` if it is a classifier."""
        return predict(self.model, self.rows)

    @cached_property
    def model(self) -> TabularModel:
        """The model, loaded after its manifest was checked."""
        from workbench.learning import TabularModel

        return TabularModel.load(self.folder)

    @property
    def labels(self) -> dict[str, str]:
        """What every resource and request carries, for the bill and for who comes later."""
        return {"managed-by": "workbench", "client": self.client, "version": str(self.version), "run": self.run_id}


def predict(model: TabularModel, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a model says of rows given as JSON has them."""
    import pyarrow as pa

    from workbench.registry.predictions import feature_schema, prediction_columns

    schema = feature_schema(model.columns)
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], schema.field(name).type) for name in schema.names}
    )
    answers: list[dict[str, Any]] = pa.table(prediction_columns(model.columns, model.predict(table))).to_pylist()
    return answers


def release_of(project: Path, client: str, version: int | None = None) -> Release:
    """A version of a client's model, by default its champion, copied to ``models/<client>/releases/<version>``.

    Raises:
        ModelError: there is no such version, or it is not what was registered.
    """
    from workbench.registry.releases import version_of

    found = version_of(project, client, version)
    destination = project / "models" / client / "releases" / str(found.version)
    recover_folder(destination)
    release = Release(client, found.version, found.sha256, found.run_id, destination)
    if not destination.exists():
        with durable_folder(destination) as staging:
            found.copy(staging)
    if sha256_of_folder(release.folder) != release.sha256:
        raise ModelError(
            "its copy is not what was registered (sha256 differs)",
            where=f"client {client}, model version {found.version}, {destination.relative_to(project)}",
            hint="remove that folder, and it is copied from the registry again",
        )
    return release
