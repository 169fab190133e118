"""The double against MLflow's own client, which was not written by who wrote the double."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from databricks_double import DatabricksDouble
from double_service import environment
from unity_vaults import GoogleVault

from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

MODEL = "fleet.models.workbench_alpha"


def test_mlflows_own_client_reads_what_was_registered(
    deploy: Callable[..., Deployment], release: Callable[[int], Release], cloud: DatabricksDouble
) -> None:
    deploy().apply(release(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

    with environment(DATABRICKS_HOST=cloud.address, DATABRICKS_TOKEN="dapi-double-of-a-token"):
        cloud.needs_agent = False
        api = MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")
        champion = api.get_model_version_by_alias(MODEL, "champion")
        assert champion.status == "READY"
        assert champion.tags["sha256"] == release(3).sha256
        assert api.get_registered_model(MODEL).tags["client"] == "alpha"
        assert [found.version for found in api.search_model_versions(f"name='{MODEL}'")] == ["1"]


def test_a_field_that_the_sdk_does_not_know_is_refused(cloud: DatabricksDouble) -> None:
    import requests

    send = {"name": "x", "config": {"served_entities": [], "colour": "red"}}
    headers = {"Authorization": "Bearer dapi-double-of-a-token", "User-Agent": "smithright-workbench/1"}
    answer = requests.post(f"{cloud.address}/api/2.0/serving-endpoints", json=send, headers=headers, timeout=5)
    assert answer.status_code == 400
    assert "colour" in answer.text
    tags = {"name": "a.b.c", "tags": [{"key": "managed-by", "value": "workbench"}]}
    answer = requests.post(
        f"{cloud.address}/api/2.0/mlflow/unity-catalog/registered-models/create", json=tags, headers=headers, timeout=5
    )
    assert "is no key of a tag" in answer.text


@pytest.mark.parametrize("kept_at", ["gs", "databricks"])
def test_mlflows_own_client_downloads_what_went_another_way(
    deploy: Callable[..., Deployment],
    release: Callable[[int], Release],
    cloud: DatabricksDouble,
    tmp_path: Path,
    kept_at: str,
) -> None:
    """It asks the same questions of the double, and finds the files where they were put."""
    from mlflow.store.artifact.unity_catalog_models_artifact_repo import UnityCatalogModelsArtifactRepository

    cloud.says_files = cloud.takes_files = False
    with ExitStack() as stack:
        address = None
        if kept_at == "gs":
            cloud.vault = vault = stack.enter_context(GoogleVault())
            address = vault.address
            stack.enter_context(environment(STORAGE_EMULATOR_HOST=address))
        deploy(storage_address=address).apply(release(3))
        stack.enter_context(environment(DATABRICKS_HOST=cloud.address, DATABRICKS_TOKEN="dapi-double-of-a-token"))
        stack.enter_context(environment(MLFLOW_TRACKING_URI="databricks"))
        cloud.needs_agent = False
        asked = len(cloud.calls("generate-temporary-credentials"))
        theirs = UnityCatalogModelsArtifactRepository(f"models:/{MODEL}/1", "databricks-uc")
        folder = Path(theirs.download_artifacts("", str(tmp_path)))
        assert (folder / "data/model/factor.json").read_text() == "3"
        assert (folder / "MLmodel").read_text() == "flavors: {}\n"
        assert len(cloud.calls("generate-temporary-credentials")) > asked
