"""A model in the registry: registered once, read back as it was, and refused when it is anything else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from kedro.io import DatasetError

from workbench.clients import Client
from workbench.datasets.champion import Champion
from workbench.errors import ModelError
from workbench.registry import alias, flavor, models
from workbench.registry.holdout import Features
from workbench.registry.local_store import artifacts
from workbench.registry.models import CHAMPION, Registered, Standing
from workbench.registry.store import Store, known_warnings_ignored


@pytest.fixture
def registered(store: Store, client: Client, network: Any, features: Features) -> Registered:
    """The network as version 1, and champion."""
    made = register(store, client, network, features)
    models.set_alias(store, client.id, CHAMPION, made.version)
    return made


def register(store: Store, client: Client, model: Any, features: Features) -> Registered:
    run = store.api.create_run(store.experiment(client.id))
    with flavor.saved(model) as saved:
        return models.register(
            store, client, saved, run_id=run.info.run_id, example=features.example(model.columns), tags={"a": 1}
        )


def artifact(store: Store, registered: Registered) -> Path:
    return Path(store.api.get_model_version_download_uri("clinic", str(registered.version)))


def test_the_champion_is_what_was_registered(
    store: Store, registered: Registered, network: Any, features: Features
) -> None:
    champion = models.champion("clinic", store.project)
    assert (champion.version, champion.run_id, champion.sha256) == (1, registered.run_id, registered.sha256)
    rows = features.table.to_pyarrow()
    assert np.array_equal(champion.model.predict(rows), network.predict(rows))
    version = store.api.get_model_version("clinic", "1")
    assert version.tags == {"sha256": registered.sha256, "client": "clinic", "a": "1"}
    assert store.api.get_registered_model("clinic").description.startswith("Clinic. Is a breast mass malignant?")
    (output,) = store.api.get_run(registered.run_id).outputs.model_outputs
    assert f"models:/{output.model_id}" == version.source, "the run's page shows the model"


def test_the_dataset_reads_the_registry_and_writes_nothing(store: Store, registered: Registered) -> None:
    dataset = Champion(client="clinic", path=str(store.project / "conf"))
    dataset.save(Standing("clinic", 9))
    assert dataset.load().version == 1
    with pytest.raises(DatasetError, match="client skyways has no champion"):
        Champion(client="skyways", path=str(store.project / "conf")).load()


def test_there_is_no_pickle_anywhere(store: Store, registered: Registered) -> None:
    files = {
        path.relative_to(artifact(store, registered)).as_posix() for path in artifact(store, registered).rglob("*")
    }
    assert {"MLmodel", "data/model/model.safetensors", "data/model/manifest.json", "input_example.json"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pt", ".bin", ".joblib"))]
    for name in files:
        path = artifact(store, registered) / name
        assert path.is_dir() or not path.read_bytes().startswith(b"\x80"), f"{name} begins like a pickle"


def test_mlflow_itself_can_load_and_use_it(
    store: Store, registered: Registered, network: Any, features: Features
) -> None:
    import mlflow

    loaded = mlflow.pyfunc.load_model(str(artifact(store, registered)))
    rows = features.table.select("radius", "texture", "site").to_pyarrow()
    answer = loaded.predict(rows.to_pandas())
    assert list(answer.columns) == ["prediction", "probability"]
    assert np.array_equal(answer["probability"].to_numpy(), network.predict(rows))
    inputs = loaded.metadata.get_input_schema()
    assert [(c.name, c.type.name, c.required) for c in inputs] == [
        ("radius", "double", False),
        ("texture", "double", False),
        ("site", "string", False),
    ]
    assert len(loaded.metadata.load_input_example(str(artifact(store, registered)))) == 5


@pytest.mark.parametrize("kind", ["boosting", "linear", "ensemble"])
def test_every_kind_of_model_can_be_champion(kind: str, store: Store, client: Client, features: Features) -> None:
    """As a network is: read back as it was, used by MLflow itself, and nothing in it but tensors and text."""
    from workbench.learning import TrainConfig
    from workbench.learning.candidates import select

    folds = [features.table.filter(features.table.fold == fold).to_pyarrow() for fold in ("train", "validation")]
    columns = features.columns
    found = select(*folds, columns, TrainConfig(epochs=2, seed=5), names=("boosting", "linear"), metric="log_loss")
    model = found.contenders[kind].model
    made = register(store, client, model, features)
    models.set_alias(store, client.id, CHAMPION, made.version)
    rows = features.table.to_pyarrow()
    champion = models.champion("clinic", store.project)
    assert (champion.model.kind, champion.sha256) == (kind, made.sha256)
    assert np.array_equal(champion.model.predict(rows), model.predict(rows))
    names = {path.suffix for path in artifact(store, made).rglob("*") if path.is_file()}
    assert names <= {".safetensors", ".json", ".txt", ".yaml", ".yml", ""}
    with known_warnings_ignored():
        import mlflow.pyfunc
    frame = rows.select(list(columns.features)).to_pandas()
    served = mlflow.pyfunc.load_model("models:/clinic@champion").predict(frame)
    np.testing.assert_allclose(served["probability"], model.predict(rows))


def test_the_same_model_is_registered_once(
    store: Store, registered: Registered, client: Client, network: Any, weak_network: Any, features: Features
) -> None:
    again = register(store, client, network, features)
    assert (again.version, again.adopted, again.run_id) == (1, True, registered.run_id)
    other = register(store, client, weak_network, features)
    assert (other.version, other.adopted) == (2, False)
    assert len(store.api.search_model_versions("name = 'clinic'")) == 2


def test_a_version_whose_artifact_is_gone_is_registered_anew(
    store: Store, registered: Registered, client: Client, network: Any, features: Features
) -> None:
    shutil.rmtree(artifact(store, registered))
    assert register(store, client, network, features).version == 2


def test_no_champion_says_what_to_type(store: Store) -> None:
    with pytest.raises(ModelError) as caught:
        models.champion("clinic", store.project)
    assert "client clinic has no champion" in str(caught.value)
    assert "kedro run --env clients/clinic" in str(caught.value)


def test_a_registered_model_without_the_alias_has_no_champion(
    store: Store, client: Client, network: Any, features: Features
) -> None:
    register(store, client, network, features)
    with pytest.raises(ModelError, match="has no champion"):
        models.champion("clinic", store.project)


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "manifest.json"])
def test_one_flipped_bit_is_refused(store: Store, registered: Registered, name: str) -> None:
    path = artifact(store, registered) / "data/model" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="client clinic, model version 1: its files are not those"):
        models.champion("clinic", store.project)


def test_another_whole_model_in_its_place_is_refused(store: Store, registered: Registered, weak_network: Any) -> None:
    folder = artifact(store, registered) / "data/model"
    shutil.rmtree(folder)
    weak_network.save(folder)
    with pytest.raises(ModelError, match="sha256 differs"):
        models.champion("clinic", store.project)


def test_a_file_added_to_it_is_refused(store: Store, registered: Registered) -> None:
    (artifact(store, registered) / "data/model/extra.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="sha256 differs"):
        models.champion("clinic", store.project)


def test_a_version_that_somebody_else_registered_is_refused(store: Store, registered: Registered) -> None:
    store.api.delete_model_version_tag("clinic", "1", "sha256")
    with pytest.raises(ModelError, match="no tag 'sha256'"):
        models.champion("clinic", store.project)


def test_an_artifact_that_names_another_loader_is_refused(store: Store, registered: Registered) -> None:
    path = artifact(store, registered) / "MLmodel"
    content = yaml.safe_load(path.read_text())
    content["flavors"]["python_function"]["loader_module"] = "mlflow.sklearn"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ModelError, match="loaded by mlflow.sklearn"):
        models.champion("clinic", store.project)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_the_registry_is_never_opened(store: Store, tmp_path: Path) -> None:
    """Somebody with access to the registry plants a pickled model and makes it the champion."""
    import pickle

    import mlflow

    with known_warnings_ignored():
        import mlflow.pyfunc

    canary, planted = tmp_path / "canary", artifacts(store.project) / "clinic" / "planted"
    (planted / "data").mkdir(parents=True)
    (planted / "data/model.pkl").write_bytes(pickle.dumps(Bomb(canary)))
    flavors = {"python_function": {"loader_module": "mlflow.sklearn", "model_path": "data/model.pkl"}}
    flavors["sklearn"] = {"pickled_model": "data/model.pkl", "serialization_format": "pickle"}
    (planted / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, "model_uuid": "0" * 32}))
    store.api.create_registered_model("clinic")
    store.api.create_model_version("clinic", source=str(planted), tags={"sha256": "0" * 64})
    models.set_alias(store, "clinic", CHAMPION, 1)
    with pytest.raises(ModelError, match="is loaded by mlflow.sklearn"):
        models.champion("clinic", store.project)
    with pytest.raises(mlflow.exceptions.MlflowException, match="MLFLOW_ALLOW_PICKLE_DESERIALIZATION"):
        mlflow.pyfunc.load_model(str(planted))
    assert not canary.exists()
    pickle.loads((planted / "data/model.pkl").read_bytes())
    assert canary.exists(), "the bomb was a real one"


def test_an_alias_moved_by_hand_is_what_counts(
    store: Store,
    registered: Registered,
    client: Client,
    weak_network: Any,
    features: Features,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = register(store, client, weak_network, features)
    models.set_alias(store, "clinic", CHAMPION, second.version)
    assert models.champion("clinic", store.project).version == 2
    monkeypatch.setattr(alias, "open_store", lambda project: pytest.fail("MLflow was asked"))
    assert alias.champion_version("clinic", store.project) == 2
    assert alias.champion_version("skyways", store.project) is None


def test_standings_name_every_client(store: Store, registered: Registered) -> None:
    store.api.set_model_version_tag("clinic", "1", "holdout.roc_auc", "0.9376")
    clinic, skyways = models.standings(store, ["clinic", "skyways"])
    assert (clinic["version"], clinic["metric"], clinic["run_id"]) == (1, "roc_auc 0.9376", registered.run_id)
    assert (skyways["version"], skyways["metric"]) == (None, None)
