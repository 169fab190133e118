"""What a client has on an MLflow server is erased through its API, and what that cannot erase is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_mlflow import mlflow_server

from workbench.erasure.forgetting import Wanted, forget_subject, plan_subject
from workbench.erasure.needle import Needle
from workbench.erasure.removal import erase_client, plan_client
from workbench.erasure.scan import hits_in
from workbench.registry.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.integration]

ACME = Needle(["acme"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder) as url:
        yield url, folder


@pytest.fixture
def on_server(lived_in: Path, served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose two clients have runs, models and versions on the server."""
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", served[0])
    store = open_store(lived_in)
    for client in ("acme", "acme_2"):
        experiment = store.experiment(client)
        store.api.set_experiment_tag(experiment, "whose", client)
        for _ in range(2):
            run = store.api.create_run(
                experiment, tags={"client": client, "note": f"of {client}"}, run_name=f"{client} train"
            )
            store.api.log_param(run.info.run_id, "source", f"data/{client}/01_raw")
            store.api.log_text(run.info.run_id, f"{client} P000042", "evaluation/segments.csv")
            store.api.log_text(run.info.run_id, "pandas", "requirements.txt")
        # As somebody did by hand, long ago.
        store.api.delete_run(run.info.run_id)
        model = store.api.create_logged_model(experiment, name="model", tags={"client": client}, params={"of": client})
        for path, text in (
            ("data/model/model.json", "{}"),
            ("input_example.json", f"{client} P000042"),
            ("MLmodel", "x"),
        ):
            file = lived_in / Path(path).name
            file.write_text(text)
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            get_artifact_repository(model.artifact_location).log_artifact(str(file), str(Path(path).parent).strip("."))
            file.unlink()
        store.api.create_registered_model(client, tags={"client": client}, description=f"The {client} company")
        store.api.create_model_version(
            client, f"models:/{model.model_id}", model_id=model.model_id, tags={"client": client}, description=client
        )
        store.api.set_registered_model_alias(client, "champion", "1")
    yield lived_in
    for client in ("acme", "acme_2"):  # the server is the module's
        if found := store.api.get_experiment_by_name(client):
            store.api.rename_experiment(found.experiment_id, f"old-{found.experiment_id}")
        for one in store.api.search_registered_models(f"name = '{client}'"):
            store.api.delete_registered_model(one.name)
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def of_neighbour(project: Path) -> dict[str, Any]:
    store = open_store(project)
    experiment = store.api.get_experiment_by_name("acme_2")
    assert experiment is not None
    (run,) = store.api.search_runs([experiment.experiment_id])
    return {
        "run": run.to_dictionary(),
        "files": [one.path for one in store.api.list_artifacts(run.info.run_id)],
        "models": [one.model_id for one in store.api.search_logged_models([experiment.experiment_id])],
        "champion": store.api.get_model_version_by_alias("acme_2", "champion").source,
    }


def mlflow_rows(server: Path) -> list[str]:
    return [hit for hit in hits_in(server / "mlflow.db", ACME) if hit != "the bytes"]


def test_a_removed_client_is_gone_as_far_as_the_api_goes_and_after_gc_altogether(
    on_server: Path, served: tuple[str, Path]
) -> None:
    server = served[1]
    before = of_neighbour(on_server)
    plan = {amount.place: amount for amount in plan_client(on_server, "acme")}
    assert plan["MLflow server: experiments, runs, models and versions"].rows == 1 + 2 + 1 + 1 + 1
    assert plan["MLflow server: artifacts"].files == 7
    done = erase_client(on_server, "acme", "me")
    assert done.proof.left == []
    assert of_neighbour(on_server) == before
    assert not [path for path in (server / "artifacts").rglob("*") if path.is_file() and list(hits_in(path, ACME))]
    said = [text for text in done.record["not_erased"] if "mlflow gc" in text]
    assert len(said) == 1
    assert "2 runs, 1 logged models and 1 experiments are marked as deleted" in said[0]
    assert "2 runs name the client" in said[0]
    # What the API leaves are params and a logged model's, as the certificate says, and nothing else.
    assert {hit.split(".")[0] for hit in mlflow_rows(server)} <= {"params", "logged_model_params"}
    command = said[0][said[0].index("mlflow gc") :].replace("<its own>", f"sqlite:///{server}/mlflow.db").split()
    gc = subprocess.run(
        [sys.executable, "-m", *command, "--artifacts-destination", str(server / "artifacts")],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert gc.returncode == 0, gc.stderr
    assert mlflow_rows(server) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import requests
left = int(sys.argv[2])
real = requests.Session.send
def send(self, request, **options):
    global left
    answer = real(self, request, **options)
    if request.method in {"POST", "PATCH", "DELETE"} and "search" not in request.url:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer
requests.Session.send = send
from workbench.erasure.removal import erase_client
erase_client(Path(sys.argv[1]), "acme", "me")
"""


@pytest.mark.parametrize("moment", [1, 3, 6, 9, 13, 17])
def test_killed_after_a_change_on_the_server_the_next_call_ends_it(
    on_server: Path, served: tuple[str, Path], moment: int
) -> None:
    before, plan = of_neighbour(on_server), [amount.to_dict() for amount in plan_client(on_server, "acme")]
    done = subprocess.run([sys.executable, "-c", KILLED, str(on_server), str(moment)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    finished = erase_client(on_server, "acme", "me")
    assert finished.proof.left == []
    assert finished.record["erased"] == plan, "the certificate says what there was when it began"
    assert of_neighbour(on_server) == before
    assert {hit.split(".")[0] for hit in mlflow_rows(served[1])} <= {"params", "logged_model_params"}


def test_of_a_forgotten_subject_no_example_is_left_there_and_the_models_are(on_server: Path) -> None:
    wanted = Wanted("acme", "P000042", ("person",))
    plan = {amount.place: amount for amount in plan_subject(on_server, wanted)}
    assert plan["MLflow server: artifacts but the models"].files == 3
    before = of_neighbour(on_server)
    done = forget_subject(on_server, wanted, "me")
    assert done.proof.left == []
    assert done.record["retrain"] == ["acme version 1"]
    assert of_neighbour(on_server) == before
    store = open_store(on_server)
    experiment = store.api.get_experiment_by_name("acme")
    assert experiment is not None
    (run,) = store.api.search_runs([experiment.experiment_id])
    assert [one.path for one in store.api.list_artifacts(run.info.run_id) if not one.is_dir] == ["requirements.txt"]
    assert store.api.list_artifacts(run.info.run_id, "evaluation") == []
    (model,) = store.api.search_logged_models([experiment.experiment_id])
    assert {one.path for one in store.api.list_logged_model_artifacts(model.model_id)} == {"MLmodel", "data"}
