"""`dvc.yaml` says what the Kedro catalog says, and DVC does with it what its users expect."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.project import configure_project, pipelines

from workbench.clients import ClientRegistry

ROOT = Path(__file__).parents[1]
DVC: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, Any] = DVC["stages"]
VARIABLES: dict[str, Any] = {name: value for one in DVC["vars"] for name, value in one.items()}
CATALOG: dict[str, Any] = yaml.safe_load((ROOT / "conf/base/catalog.yml").read_text())
CLIENT = "${item.client}"


def paths(names: set[str]) -> set[str]:
    """The files of those datasets that have one, as dvc.yaml writes them."""
    entries = (CATALOG[name] for name in names if name in CATALOG)
    # What is staged between two nodes is gone when the run ends.
    kept = (entry for entry in entries if "filepath" in entry and not entry["type"].endswith("StagedTables"))
    return {entry["filepath"].replace("${globals:client}", CLIENT) for entry in kept}


def listed(stage: str, *kinds: str) -> set[str]:
    found = (item for kind in kinds for item in STAGES[stage].get(kind, []))
    return {item if isinstance(item, str) else next(iter(item)) for item in found}


@pytest.fixture(scope="module", autouse=True)
def _project() -> None:
    configure_project("pipelines")


def test_there_is_a_stage_for_every_pipeline_and_client() -> None:
    # `deploy` changes the world. `monitor` is about the present: it reads a clock and a log that grows, so no stage of it
    # would ever be up to date, and its verdict is no result that `dvc checkout` should bring back.
    assert set(STAGES) == set(pipelines) - {"__default__", "deploy", "monitor"}
    assert VARIABLES["clients"] == ClientRegistry(ROOT).ids()
    assert {name: stage["matrix"]["client"] for name, stage in STAGES.items()} == {
        **dict.fromkeys(STAGES, "${clients}"),
        "tune": "${tuned}",
    }


def test_only_clients_with_examples_are_tuned() -> None:
    """One without would fail at it, and with it `dvc repro` of all."""
    with_examples = []
    for client in ClientRegistry(ROOT).ids():
        path = ROOT / "conf/clients" / client / "parameters.yml"
        parameters = (yaml.safe_load(path.read_text()) if path.exists() else None) or {}
        examples = (parameters.get("tune") or {}).get("examples") or {}
        if examples.get("file") or examples.get("table"):
            with_examples.append(client)
    assert VARIABLES["tuned"] == with_examples


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_what_its_pipeline_writes(stage: str) -> None:
    assert listed(stage, "outs", "metrics", "plots") == paths(pipelines[stage].all_outputs())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_what_its_pipeline_reads(stage: str) -> None:
    data = {path for path in listed(stage, "deps") if path.startswith(("data/", "models/"))}
    read = paths(pipelines[stage].inputs())
    if "champion" in pipelines[stage].inputs():
        # The registry is no file; the verdict is what changes with it.
        read |= paths({"verdict"})
    if "project_files" in pipelines[stage].inputs():
        # Which file the examples are is a client's setting; `ingest` made those that are a table.
        read |= paths({"raw"})
    assert data == read


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_code_its_client_and_its_parameters(stage: str) -> None:
    assert {f"src/pipelines/{stage}", f"conf/clients/{CLIENT}"} <= listed(stage, "deps")
    assert all((ROOT / path).exists() for path in listed(stage, "deps") if path.startswith(("src/", "notebooks/")))
    if any(name == f"params:{stage}" for name in pipelines[stage].inputs()):
        assert STAGES[stage]["params"] == [{"conf/base/parameters.yml": [stage]}]


def run(project: Path, *command: str) -> str:
    # The stages' `kedro` is the one beside this Python.
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(project), "DO_NOT_TRACK": "1"}
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def repository(clinic_copy: Path) -> Path:
    """A project under git and DVC, with no result yet."""
    for name in ("data", "models"):
        shutil.rmtree(clinic_copy / name)
    for name in (".dvc", ".dvcignore", ".gitignore"):
        source = ROOT / name
        if source.is_dir():
            (clinic_copy / name).mkdir()
            for file in ("config", ".gitignore"):
                shutil.copy(source / file, clinic_copy / name / file)
        else:
            shutil.copy(source, clinic_copy / name)
    run(clinic_copy, "git", "init", "--quiet")
    run(clinic_copy, "git", "config", "user.email", "test@example.com")
    run(clinic_copy, "git", "config", "user.name", "test")
    return clinic_copy


@pytest.mark.slow
@pytest.mark.integration
def test_dvc_from_repro_to_checkout(repository: Path, clinic_project: Path) -> None:
    dvc = str(Path(sys.executable).parent / "dvc")
    features = "data/clinic/04_feature/features.parquet"
    mine = [f"{name}@clinic" for name, stage in STAGES.items() if stage["matrix"]["client"] == "${clients}"]

    run(repository, dvc, "repro", "--glob", "*@clinic")
    # Two ways in, one result.
    assert (repository / features).read_bytes() == (clinic_project / features).read_bytes()
    again = run(repository, dvc, "repro", "--glob", "*@clinic")
    assert "Running stage" not in again

    metrics = run(repository, dvc, "metrics", "show", "--json")
    assert "network.roc_auc" in metrics
    run(repository, dvc, "plots", "show")

    # A push, a loss of everything, a pull.
    run(repository, "git", "add", ".")
    run(repository, "git", "commit", "--quiet", "--message", "first")
    before = (repository / features).read_bytes()
    model = (repository / "models/clinic/candidate/model.safetensors").read_bytes()
    run(repository, dvc, "push", *mine)
    shutil.rmtree(repository / "data")
    shutil.rmtree(repository / "models")
    shutil.rmtree(repository / ".dvc" / "cache")
    run(repository, dvc, "pull", *mine)
    assert (repository / features).read_bytes() == before

    # Another revision, and back.
    with (repository / "conf/base/parameters.yml").open() as stream:
        text = stream.read()
    (repository / "conf/base/parameters.yml").write_text(text.replace("seed: 17", "seed: 18", 1))
    run(repository, dvc, "repro", "--glob", "train@clinic")
    assert (repository / "models/clinic/candidate/model.safetensors").read_bytes() != model
    run(repository, "git", "commit", "--quiet", "--all", "--message", "second")
    run(repository, "git", "checkout", "--quiet", "HEAD~1")
    run(repository, dvc, "checkout", *mine)
    assert (repository / "models/clinic/candidate/model.safetensors").read_bytes() == model
