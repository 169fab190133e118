"""``kedro run --pipeline tune`` as a person types it, on a project of its own, with a model made for the test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from pipelines.tune import nodes
from pipelines.tune.parameters import TuneParameters
from pipelines.tune.promotion import promote
from workbench.clients import ClientRegistry
from workbench.datasets import ClientFiles, JsonLines, TunedModelFolder
from workbench.errors import ConfigurationError, ModelError
from workbench.registry import models
from workbench.registry.store import open_store

Kedro = Callable[..., "subprocess.CompletedProcess[str]"]

WORDS = ["red", "green", "blue", "black"]
PARAMETERS = """
tune:
  examples: {file: data/clinic/01_raw/examples.jsonl, system: Answer with one word., validation: 0.2, test: 0.2}
  model: {path: models/base}
  train:
    epochs: 10
    learning_rate: 0.02
    lora_rank: 8
    sequence_length: 256
    packs_per_step: 2
    steps_per_round: 10
    device: cpu
  evaluate: {max_new_tokens: 8, examples: 12}
  gate: {fewest_examples: 5, margin: 0.1}
"""


def examples() -> list[dict[str, str]]:
    """One answer to forty questions: what a tiny model can learn, and say to questions that it has not seen."""
    return [
        {"prompt": f"Is {word} number {number} a colour? Ask ada{number}@example.org.", "response": "yes"}
        for word in WORDS
        for number in range(10)
    ]


@pytest.fixture
def ready(project: Path, tiny: ModuleType, write: Any) -> Iterator[Path]:
    rows = examples()
    write(project / "data/clinic/01_raw/examples.jsonl", rows)
    tiny.make_base(project / "models" / "base", ["### system: user: assistant: Answer with one word. yes"])
    (project / "conf/clients/clinic/parameters.yml").write_text(PARAMETERS)
    yield project
    import mlflow

    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def reporting(project: Path, name: str) -> Any:
    return json.loads((project / "data/clinic/08_reporting" / name).read_text())


@pytest.mark.slow
@pytest.mark.integration
def test_from_a_file_of_examples_to_a_champion(ready: Path, kedro: Kedro) -> None:
    done = kedro(ready, "run", "--pipeline", "tune", "--env", "clients/clinic")
    text = done.stdout + done.stderr
    assert "40 examples read" in text

    folds = {
        name: JsonLines(filepath=str(ready / f"data/clinic/05_model_input/tune_{name}.jsonl")).load()
        for name in ("train", "validation", "test")
    }
    assert sum(len(fold) for fold in folds.values()) == 40
    first = folds["train"][0]["messages"]
    assert first[0] == {"role": "system", "content": "Answer with one word."}
    assert "[EMAIL]" in first[1]["content"]
    assert "@example.org" not in "".join(path.read_text() for path in (ready / "data/clinic/05_model_input").iterdir())
    assert reporting(ready, "tune_examples.json")["masked"] == {"EMAIL": 40}

    evaluation, verdict = reporting(ready, "tune_evaluation.json"), reporting(ready, "tune_verdict.json")
    scores = evaluation["models"]
    assert scores["base"]["exact_match"] == 0
    assert scores["tuned"]["exact_match"] == 1
    assert scores["tuned"]["loss"] < 0.5 < scores["base"]["loss"]
    table = (ready / "data/clinic/08_reporting/tune_comparison.csv").read_text().splitlines()
    assert [line.split(",")[0].strip('"') for line in table] == ["model", "base", "tuned"]
    generations = (ready / "data/clinic/07_model_output/tune_generations.jsonl").read_text().splitlines()
    assert len(generations) == evaluation["examples"]
    assert json.loads(generations[0])["tuned"]["answer"] == "yes"

    assert verdict["decision"] == "promoted", verdict
    assert (verdict["model"], verdict["version"], verdict["champion_version"]) == ("clinic-tune", 1, 1)
    store = open_store(ready)
    champion = models.find(store, "clinic-tune", models.CHAMPION)
    assert champion is not None
    assert models.find(store, "clinic-tune", models.CHALLENGER).version == champion.version
    assert champion.tags["sha256"] == verdict["sha256"]
    assert champion.tags["decision"] == "promoted"
    assert float(champion.tags["holdout.rouge_l"]) == 1.0
    assert champion.tags["base_model"] == "models/base"
    prompt = store.api.load_prompt(champion.tags["prompt"])
    assert prompt.template[0] == {"role": "system", "content": "Answer with one word."}
    run = store.api.get_run(champion.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["pipeline"] == "tune"
    assert run.data.metrics["tune_tuned_exact_match"] == 1
    assert len(store.api.get_metric_history(champion.run_id, "tune_validation_loss")) > 2
    assert run.data.params["tune.train.lora_rank"] == "8"
    artifact = Path(run.info.artifact_uri.removeprefix("file://")) / "language_model" / verdict["sha256"][:12]
    assert {path.suffix for path in artifact.iterdir()} <= {".json", ".safetensors", ".jinja"}

    # The nodes again, with the same settings: nothing is trained, nothing is registered anew.
    settings = yaml.safe_load(PARAMETERS)["tune"]
    verdict = again(ready, folds, settings)
    assert (verdict["decision"], verdict["adopted"], verdict["version"]) == ("already champion", True, 1)
    assert len(store.api.search_model_versions("name = 'clinic-tune'")) == 1

    # Another tuning that is no better is compared with the champion on the same examples, and kept out.
    settings["train"]["seed"] = 18
    verdict = again(ready, folds, settings)
    assert (verdict["decision"], verdict["version"], verdict["champion_version"]) == ("kept", 2, 1)
    assert verdict["champion"]["value"] == 1.0
    assert "ties with champion version 1" in verdict["reasons"][0]
    aliases = {alias: int(models.find(store, "clinic-tune", alias).version) for alias in ("champion", "challenger")}
    assert aliases == {"champion": 1, "challenger": 2}

    # A champion whose files were changed does not bar the way, and is not read.
    weights = artifact / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    verdict = again(ready, folds, settings)
    assert (verdict["decision"], verdict["champion_version"]) == ("promoted", 2)
    assert (
        "champion version 1 cannot be compared: its files are not those that were registered" in verdict["reasons"][-1]
    )
    previous = models.find(store, "clinic-tune", models.PREVIOUS)
    assert previous is not None
    assert int(previous.version) == 1


def again(project: Path, folds: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline does after the examples are prepared, in this process."""
    parameters = TuneParameters(**settings)
    files = ClientFiles("clinic", project)
    folder = TunedModelFolder(
        filepath=str(project / "models/clinic/tuned"), client="clinic", path=str(project / "conf")
    )
    folder.save(nodes.tune_local(files, folds["train"], folds["validation"], parameters)[0])
    evaluation = nodes.evaluate_generation(files, folder.load(), folds["test"], parameters)[2]
    client = ClientRegistry(project).load("clinic")
    return nodes.register_language_model(
        client, files, folder.load(), folds["train"], folds["test"], evaluation, parameters
    )


@pytest.mark.slow
def test_what_is_missing_is_said_in_one_sentence(project: Path, kedro: Kedro) -> None:
    done = kedro(project, "run", "--pipeline", "tune", "--env", "clients/clinic", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    error = done.stderr.splitlines()[-1]
    for part in ("client clinic: has no examples to tune", "conf/clients/clinic/parameters.yml", "docs/tune.md"):
        assert part in error


def test_without_a_base_model_it_says_how_to_get_one(files: ClientFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(files.project / "cache"))
    with pytest.raises(
        ConfigurationError, match=r"client acme: names no base model.*tune.model.path in conf/clients/acme"
    ):
        nodes.tune_local(files, [], [], TuneParameters())
    with pytest.raises(
        ModelError, match=r"'models/none': is not on this machine.*copy the model's folder to .*models/none"
    ):
        nodes.tune_local(files, [], [], TuneParameters(model={"path": "models/none"}))
    for path in ("/models/base", "../base", "models/other/base"):
        with pytest.raises(ConfigurationError, match="leads out of the folder|is another client's"):
            nodes.tune_local(files, [], [], TuneParameters(model={"path": path}))


def test_a_judge_without_a_key_is_found_out_before_anything_is_tuned(
    files: ClientFiles, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUDGE_API_KEY", "ACME__JUDGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    write(files.project / "examples.jsonl", examples())
    settings = {"examples": {"file": "examples.jsonl"}, "judge": {"model": "judge-1"}}
    with pytest.raises(ConfigurationError, match="there is no secret JUDGE_API_KEY.*ACME__JUDGE_API_KEY"):
        nodes.prepare_examples(files, TuneParameters(**settings))


def test_an_evaluation_of_another_model_is_refused(ready: Path) -> None:
    tuned = ready / "models/clinic/tuned"
    tuned.mkdir(parents=True)
    (tuned / "x").write_text("x")
    folder: Any = SimpleNamespace(folder=tuned)
    client = ClientRegistry(ready).load("clinic")
    with pytest.raises(ModelError, match="the evaluation is about another tuned model"):
        promote(
            None, client, folder, {"sha256": "0"}, [], parameters=TuneParameters(), system=None, files=None, find=None
        )  # type: ignore[arg-type]
