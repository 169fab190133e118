"""One MLflow server for two clones of a project, a workspace each: the same names, and nothing in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_mlflow import mlflow_server

from workbench.erasure import server as on_server
from workbench.registry.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.integration]


@pytest.fixture
def entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Opens the store as a process of that workspace does: by its environment."""
    import mlflow

    with mlflow_server(tmp_path, MLFLOW_ENABLE_WORKSPACES="true") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)

        def enter(workspace: str) -> Any:
            monkeypatch.setenv("MLFLOW_WORKSPACE", workspace)
            return open_store(tmp_path)

        yield enter
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def test_two_stages_of_a_client_share_a_server_and_nothing_else(entered: Callable[[str], Any], tmp_path: Path) -> None:
    store = entered("default")
    for stage in ("dev", "prod"):
        store.api.create_workspace(stage)
    made = {}
    for stage in ("dev", "prod"):
        store = entered(stage)
        run = store.api.create_run(store.experiment("acme")).info
        store.api.log_text(run.run_id, f"of {stage}", "note.txt")
        store.api.create_registered_model("acme", description=f"of {stage}")
        store.api.create_model_version("acme", source=f"{run.artifact_uri}/note.txt", run_id=run.run_id)
        store.api.set_registered_model_alias("acme", "champion", "1")
        made[stage] = (run.experiment_id, run.run_id)
    assert made["dev"] != made["prod"]
    for stage, other in (("dev", "prod"), ("prod", "dev")):
        store = entered(stage)
        assert store.api.get_registered_model("acme").description == f"of {stage}"
        assert store.api.get_model_version_by_alias("acme", "champion").run_id == made[stage][1]
        assert [one.experiment_id for one in store.api.search_experiments(filter_string="name = 'acme'")] == [
            made[stage][0]
        ]
        with pytest.raises(Exception, match=r"not found|No Experiment|does not exist"):
            store.api.get_run(made[other][1])
    entered("dev")
    found = on_server.find(tmp_path, "acme")
    assert found is not None
    assert set(found.runs) == {made["dev"][1]}
    on_server.erase(tmp_path, found)
    store = entered("prod")
    assert store.api.get_model_version_by_alias("acme", "champion").run_id == made["prod"][1]
    assert [one.path for one in store.api.list_artifacts(made["prod"][1])] == ["note.txt"]
