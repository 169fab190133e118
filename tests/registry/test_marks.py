"""The mark to train a model again: nothing takes it away but a training that began after it was put on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import Client
from workbench.registry import flavor, runs
from workbench.registry.evidence import Evidence
from workbench.registry.holdout import Features
from workbench.registry.marks import mark_tags, outlives
from workbench.registry.promotion import promote
from workbench.registry.retraining import champion_to_retrain, mark, mark_champion
from workbench.registry.store import Store, open_store

WHY = "it has decayed"
MARKED = f"champion version 1 is to be trained again: {WHY}"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)

Again = Callable[[], dict[str, Any]]


@pytest.fixture(scope="module")
def store_template(
    store_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    client: Client,
    network: Any,
    features: Features,
    evidence: Callable[..., Evidence],
) -> Path:
    """With a champion, made once."""
    folder = Path(shutil.copytree(store_template, tmp_path_factory.mktemp("champion") / "project"))
    promote(open_store(folder), client, network, features, evidence(features, network))
    return folder


@pytest.fixture
def again(store: Store, client: Client, network: Any, features: Features, evidence: Callable[..., Evidence]) -> Again:
    """Registers the champion's model once more."""
    return lambda: promote(store, client, network, features, evidence(features, network))


def train(store: Store, model: Any, since: timedelta) -> None:
    """Leave what a run leaves that began so long after the mark, and came out as this model."""
    marked = datetime.fromisoformat(tags_of(store)["retrain_since"])
    with flavor.saved(model) as saved:
        tags = {runs.sha256_tag(runs.CANDIDATE): saved.sha256}
    began = int((marked + since).timestamp() * 1000)
    store.api.create_run(store.experiment("clinic"), start_time=began, tags=tags)


def tags_of(store: Store, version: int = 1) -> dict[str, str]:
    return dict(store.api.get_model_version("clinic", str(version)).tags)


def spoil(store: Store, version: int = 1) -> None:
    artifact = Path(store.api.get_model_version_download_uri("clinic", str(version)))
    (artifact / "data/model/model.safetensors").write_bytes(b"")


@pytest.mark.parametrize("put_on", ["by monitor", "by an erasure"])
def test_a_mark_outlives_that_the_same_model_is_registered_again(store: Store, again: Again, put_on: str) -> None:
    if put_on == "by monitor":
        assert mark_champion(store.project, "clinic", 1, WHY)
    else:
        assert mark(store.project, "clinic", WHY) == ["clinic version 1"]
    assert (again()["version"], again()["adopted"]) == (1, True)
    assert champion_to_retrain(store.project, "clinic") == MARKED, "nobody has trained it"


@pytest.mark.parametrize(
    ("since", "stays"), [(timedelta(hours=-1), True), (timedelta(0), True), (timedelta(milliseconds=1), False)]
)
def test_it_goes_with_a_training_that_began_after_it_and_came_out_the_same(
    store: Store, again: Again, network: Any, since: timedelta, stays: bool
) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    train(store, network, since)
    again()
    assert champion_to_retrain(store.project, "clinic") == (MARKED if stays else None)
    assert ("retrain_since" in tags_of(store)) is stays


def test_the_newest_training_counts(store: Store, again: Again, network: Any) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    train(store, network, timedelta(hours=1))
    train(store, network, timedelta(hours=-1))
    again()
    assert champion_to_retrain(store.project, "clinic") is None


def test_a_training_that_came_out_as_another_model_does_not_count(
    store: Store, again: Again, weak_network: Any
) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    train(store, weak_network, timedelta(hours=1))
    again()
    assert champion_to_retrain(store.project, "clinic") == MARKED


def test_a_mark_that_is_put_on_again_keeps_its_reason_and_is_as_young_as_the_last(
    store: Store, again: Again, network: Any
) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    store.api.set_model_version_tag("clinic", "1", "retrain_since", NOON.isoformat())
    train(store, network, timedelta(hours=1))
    assert mark_champion(store.project, "clinic", 1, "it has decayed more")
    assert datetime.fromisoformat(tags_of(store)["retrain_since"]) > NOON + timedelta(hours=1)
    again()
    assert champion_to_retrain(store.project, "clinic") == MARKED, "that training came before the second look"


@pytest.mark.parametrize("since", ["", "yesterday", "2026-11-30T12:00:00"])
def test_one_whose_age_nobody_knows_stays(store: Store, again: Again, network: Any, since: str) -> None:
    """A person may set the tag in MLflow's page."""
    mark_champion(store.project, "clinic", 1, WHY)
    train(store, network, timedelta(days=1))
    store.api.delete_model_version_tag("clinic", "1", "retrain_since")
    if since:
        store.api.set_model_version_tag("clinic", "1", "retrain_since", since)
    again()
    assert champion_to_retrain(store.project, "clinic") == MARKED


def test_a_version_that_takes_the_place_of_a_broken_one_takes_over_its_mark(store: Store, again: Again) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    spoil(store)
    verdict = again()
    assert (verdict["version"], verdict["champion_version"], verdict["adopted"]) == (2, 2, False)
    assert champion_to_retrain(store.project, "clinic") == MARKED.replace("1", "2")
    assert tags_of(store, 2)["retrain_since"] == tags_of(store)["retrain_since"]


def test_of_several_marks_it_takes_over_the_youngest(store: Store, again: Again) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    spoil(store)
    again()
    mark(store.project, "clinic", "rows were erased")
    store.api.set_model_version_tag("clinic", "1", "retrain_since", NOON.isoformat())
    store.api.set_model_version_tag("clinic", "1", "retrain", "an old story")
    spoil(store, 2)
    assert again()["version"] == 3
    assert champion_to_retrain(store.project, "clinic") == "champion version 3 is to be trained again: rows were erased"


def test_but_not_one_that_a_training_has_answered(store: Store, again: Again, network: Any) -> None:
    mark_champion(store.project, "clinic", 1, WHY)
    train(store, network, timedelta(hours=1))
    spoil(store)
    assert again()["version"] == 2
    assert champion_to_retrain(store.project, "clinic") is None


def test_who_is_not_marked_has_no_mark_to_outlive_anything() -> None:
    assert not outlives({}, None)
    assert outlives(mark_tags(WHY), None)
