"""A client's own configuration, secrets and champion, up to an endpoint that answers as the champion does."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from double_service import environment
from google_token_double import key_file
from vertex_double import Rows, VertexDouble

from workbench.targets.opening import open_deployment
from workbench.targets.release import predict, release_of

LIVE = ("WORKBENCH_LIVE_VERTEX", "WORKBENCH_LIVE_VERTEX_KEY")
"""With `--live`: the target's settings as JSON (project, location, bucket, image), and the service account's key."""


def serving(files: Mapping[str, bytes], variables: Mapping[str, str]) -> Callable[[Rows], list[Any]]:
    """What the serving image does: the model that was uploaded, held against its digest, and loaded."""
    from workbench.files import sha256_of_folder
    from workbench.learning import TabularModel

    with tempfile.TemporaryDirectory() as temporary:
        for name, content in files.items():
            path = Path(temporary) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        folder = Path(temporary) / "data/model"
        assert sha256_of_folder(folder) == variables["WORKBENCH_MODEL_SHA256"]
        model = TabularModel.load(folder)
    return lambda rows: predict(model, rows)


@dataclass(frozen=True)
class Place:
    """Where it is tried: the double, or with `--live` a real project."""

    settings: Mapping[str, Any]
    key: str
    double: VertexDouble | None = None


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.config.getoption("--live", default=False):
        settings, key = (os.environ[name] for name in LIVE)
        yield Place({"kind": "vertex", **json.loads(settings)}, key)
        return
    with VertexDouble(serving) as double:
        settings = {
            "kind": "vertex",
            "project": "acme-1",
            "location": "us-central1",
            "bucket": double.bucket,
            "image": "us-docker.pkg.dev/acme-1/workbench/serving:1",
            "address": double.address,
            "poll_seconds": 0.001,
        }
        yield Place(settings, key_file(double.address), double)


@pytest.mark.integration
def test_a_champion_is_served(clinic_copy: Path, place: Place) -> None:
    with (clinic_copy / "conf/clients/clinic/client.yml").open("a") as file:
        # JSON is YAML.
        file.write("\ndeploy: " + json.dumps({"cloud": place.settings}) + "\n")
    with environment(CLINIC__GOOGLE_CREDENTIALS=place.key):
        with open_deployment(clinic_copy, "clinic", "cloud") as deployment:
            release = release_of(clinic_copy, "clinic")
            done = deployment.apply(release)
            assert done.traffic == {release.version: 100}
            assert done.smoke is not None
            assert done.smoke.rows >= 3
            assert done.smoke.difference < 1e-6
        with open_deployment(clinic_copy, "clinic", "cloud", changes=False) as deployment:
            assert deployment.status().ok
            assert deployment.plan(release).is_empty
        with open_deployment(clinic_copy, "clinic", "cloud") as deployment:
            deployment.destroy()
            assert deployment.status().parts == ()
    if place.double is not None:
        assert (place.double.models, place.double.endpoints, place.double.objects) == ({}, {}, {})
