"""A real MLflow server with its basic-auth app: a client's user reads nothing of another client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from loopback_mlflow import mlflow_server

from workbench.errors import WorkbenchError
from workbench.registry.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.integration]

HERE = Path(__file__).parent
CLIENTS = ("acme", "acme_2")


def password(user: str) -> str:
    return f"long-enough-{user}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\nadmin_username = admin\n"
        f"database_uri = sqlite:///{folder}/auth.db\nadmin_password = {password('admin')}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environ = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for this test"}
    with mlflow_server(folder, app="basic-auth", **environ) as url:
        for user in CLIENTS:
            made = requests.post(
                f"{url}/api/2.0/mlflow/users/create", json={"username": user, "password": password(user)},
                auth=("admin", password("admin")), timeout=30,
            )  # fmt: skip
            assert made.ok, made.text
        yield url


@pytest.fixture
def as_client(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Opens the store as a client's process does: the address and its own user, from its environment."""
    import mlflow

    def enter(client: str) -> object:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", client)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password(client))
        return open_store(tmp_path)

    yield enter
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def test_one_clients_user_reads_nothing_of_another(as_client, server: str, tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException

    made = {}
    for client in CLIENTS:
        store = as_client(client)
        experiment = store.experiment(client)
        run = store.api.create_run(experiment).info
        store.api.log_param(run.run_id, "secret_of", client)
        store.api.log_text(run.run_id, f"canary of {client}", "note.txt")
        store.api.create_registered_model(client)
        store.api.create_model_version(client, source=f"{run.artifact_uri}/note.txt", run_id=run.run_id)
        made[client] = (experiment, run)
        assert store.api.get_run(run.run_id).data.params == {"secret_of": client}

    store = as_client("acme")
    experiment, run = made["acme_2"]
    refused = {
        "its experiment": lambda: store.api.get_experiment(experiment),
        "its experiment, by name": lambda: store.experiment("acme_2"),
        "a run in it": lambda: store.api.get_run(run.run_id),
        "a new run in it": lambda: store.api.create_run(experiment),
        "its artifacts": lambda: store.api.list_artifacts(run.run_id),
        "one of them": lambda: store.api.download_artifacts(run.run_id, "note.txt", str(tmp_path)),
        "its model": lambda: store.api.get_registered_model("acme_2"),
        "a version of it": lambda: store.api.get_model_version("acme_2", "1"),
        "where that lies": lambda: store.api.get_model_version_download_uri("acme_2", "1"),
        "an alias on it": lambda: store.api.set_registered_model_alias("acme_2", "champion", "1"),
        "its end": lambda: store.api.delete_experiment(experiment),
    }
    for what, attempt in refused.items():
        with pytest.raises((MlflowException, WorkbenchError)) as caught:
            attempt()
        assert "canary" not in str(caught.value), what
    # Lists leave out what is another's.
    assert {one.name for one in store.api.search_experiments()} <= {"acme"}
    assert {one.name for one in store.api.search_registered_models()} <= {"acme"}
    with suppress(MlflowException):
        assert not store.api.search_runs([experiment])
    # The artifact proxy, by its own address, with and without a user.
    path = f"{server}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run.run_id}/artifacts/note.txt"
    assert requests.get(path, auth=("acme_2", password("acme_2")), timeout=30).text == "canary of acme_2"
    for auth in (("acme", password("acme")), ("acme_2", "wrong"), None):
        for address in (
            path,
            path.replace("note.txt", "%6eote.txt"),
            path.replace(f"/{experiment}/", f"/{made['acme'][0]}/../{experiment}/"),
        ):
            answer = requests.Request("GET", address, auth=auth).prepare()
            answer.url = address  # as it is, dots and all
            with requests.Session() as session:
                response = session.send(answer, timeout=30)
            assert not response.ok, (auth, address)
            assert "canary" not in response.text
