"""What a version was registered with: kept with it, read back, never another client's; and the mark on a champion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench.clients import Client
from workbench.datasets import RetrainMark
from workbench.errors import ModelError
from workbench.registry.evidence import Evidence
from workbench.registry.holdout import Features
from workbench.registry.promises import attach_baseline, promise
from workbench.registry.promotion import promote
from workbench.registry.retraining import champion_to_retrain, mark_champion, marked
from workbench.registry.store import Store, open_store

MakeEvidence = Callable[..., Evidence]
BASELINE = {"format": 1, "client": "clinic", "rows": 300}
DIGESTS = pa.table({"digest": ["0a1", "ff3"]})


@pytest.fixture(scope="module")
def champion(
    store_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    client: Client,
    network: Any,
    features: Features,
    evidence: MakeEvidence,
) -> tuple[Path, dict[str, Any]]:
    """A project with a champion, made once, and the verdict about it."""
    folder = Path(shutil.copytree(store_template, tmp_path_factory.mktemp("champion") / "project"))
    with_baseline = replace(evidence(features, network), baseline=BASELINE, digests=DIGESTS)
    return folder, promote(open_store(folder), client, network, features, with_baseline)


@pytest.fixture
def store_project(request: pytest.FixtureRequest, store_template: Path, tmp_path: Path) -> Path:
    """A copy of it for a test that asks for what was registered, and an empty store for others."""
    folder = request.getfixturevalue("champion")[0] if "registered" in request.fixturenames else store_template
    return Path(shutil.copytree(folder, tmp_path / "a project"))


@pytest.fixture
def registered(store: Store, champion: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """The verdict about the first model, which became the champion."""
    return champion[1]


def record_of(store: Store, verdict: dict[str, Any]) -> Path:
    return (
        Path(store.api.get_run(verdict["run_id"]).info.artifact_uri.removeprefix("file://")) / "baseline/baseline.json"
    )


def test_a_promise_is_what_the_version_was_registered_with(store: Store, registered: dict[str, Any]) -> None:
    found = promise("clinic", store.project)
    assert (found.version, found.metric, found.margin) == (1, "roc_auc", 0.0)
    assert found.value == pytest.approx(registered["challenger"])
    assert found.baseline == BASELINE
    assert found.digests is not None
    assert found.digests.equals(DIGESTS)
    assert found.problem == ""


def test_a_baseline_is_written_once(store: Store, registered: dict[str, Any]) -> None:
    """A later registration of the same model may see other rows than those that it learned from."""
    attach_baseline(store, registered["run_id"], BASELINE | {"rows": 1}, None)
    found = promise("clinic", store.project)
    assert found.baseline == BASELINE


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "version 1 has none: it was registered before there were any, or erased"),
        ("{", "that of version 1 cannot be read (JSONDecodeError)"),
        ("[1]", "that of version 1 is not this client's"),
        (json.dumps(BASELINE | {"client": "skyways"}), "that of version 1 is not this client's"),
    ],
)
def test_a_baseline_that_is_missing_damaged_or_anothers_is_told(
    store: Store, registered: dict[str, Any], content: str | None, problem: str
) -> None:
    path = record_of(store, registered)
    path.unlink() if content is None else path.write_text(content)
    found = promise("clinic", store.project)
    assert (found.baseline, found.problem) == (None, problem)
    assert found.value == pytest.approx(registered["challenger"]), "the rest of the promise holds"


def test_without_a_champion_it_is_said_what_to_type(store: Store) -> None:
    with pytest.raises(ModelError, match="clinic has no champion, so there is nothing to watch over.*kedro run --env"):
        promise("clinic", store.project)


def test_only_the_champion_is_marked_and_a_mark_for_another_reason_stays(
    store: Store, registered: dict[str, Any]
) -> None:
    project = store.project
    assert marked(project, ["clinic", "skyways"]) == {}
    assert not mark_champion(project, "clinic", 2, "of a version that is champion no more")
    assert not mark_champion(project, "skyways", 1, "of a client that has none")
    assert champion_to_retrain(project, "clinic") is None
    assert mark_champion(project, "clinic", 1, "it has decayed")
    assert mark_champion(project, "clinic", 1, "it has decayed more")
    why = "champion version 1 is to be trained again: it has decayed"
    assert marked(project, ["clinic", "skyways"]) == {"clinic": why}


def test_the_dataset_marks_where_there_is_a_reason(
    store: Store, registered: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    dataset = RetrainMark(client="clinic", path=str(store.project / "conf"))
    dataset.save({"version": 1, "why": ""})
    assert champion_to_retrain(store.project, "clinic") is None
    dataset.save({"version": 7, "why": "it has decayed"})
    assert "version 7 is champion no more, so it was not marked" in caplog.text
    dataset.save({"version": 1, "why": "it has decayed"})
    assert champion_to_retrain(store.project, "clinic") == "champion version 1 is to be trained again: it has decayed"
    assert "Next: kedro fleet run --marked" in caplog.text


def test_a_new_champion_is_not_marked_and_the_old_one_stays_so(
    store: Store, client: Client, weak_network: Any, network: Any, features: Features, evidence: MakeEvidence
) -> None:
    promote(store, client, weak_network, features, evidence(features, weak_network))
    assert mark_champion(store.project, "clinic", 1, "it has decayed")
    promote(store, client, network, features, evidence(features, network))
    assert champion_to_retrain(store.project, "clinic") is None
    assert store.api.get_model_version("clinic", "1").tags["retrain"] == "it has decayed"
