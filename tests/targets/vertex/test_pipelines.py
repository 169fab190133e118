"""A pipeline as Vertex AI runs it: nodes in containers, and nothing lost between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from double_service import environment
from google_token_double import key_file
from killing import killed_after
from vertex_double import VertexDouble

from workbench.clients.targets import VertexTraining
from workbench.errors import ConfigurationError, TargetError
from workbench.targets.vertex.grouping import Container, Step, containers_of, grouped
from workbench.targets.vertex.opening import Opened
from workbench.targets.vertex.spec import pipeline_spec, run_pipeline

GOLDEN = Path(__file__).parent / "pipeline.json"
TRAIN = VertexTraining(image="us-docker.pkg.dev/acme-1/workbench/train:1", mlflow="https://mlflow.acme.example")


def step(name: str, tag: str, inputs: str = "", outputs: str = "") -> Step:
    return Step(name, frozenset(inputs.split()), frozenset(outputs.split()), frozenset({tag}))


STEPS = [
    step("read", "ingest", "params:ingest", "raw"),
    step("join", "prepare", "raw", "primary"),
    step("feature", "prepare", "primary", "features"),
    step("fit", "train", "features", "candidate"),
    step("judge", "evaluate", "candidate features", "metrics"),
]
KEPT = frozenset({"raw", "features", "candidate", "metrics"})
GROUPS = {name: (name,) for name in ("ingest", "prepare", "train", "evaluate")}


def made() -> list[Container]:
    return grouped(STEPS, GROUPS, KEPT.__contains__)


def test_nodes_are_grouped_and_containers_ordered() -> None:
    assert [(one.name, [each.name for each in one.steps], one.after) for one in made()] == [
        ("ingest", ["read"], ()),
        ("prepare", ["join", "feature"], ("ingest",)),
        ("train", ["fit"], ("prepare",)),
        ("evaluate", ["judge"], ("prepare", "train")),
    ]
    together = grouped(STEPS, containers_of("ingest+prepare,train+evaluate"), KEPT.__contains__)
    assert [(one.name, one.after) for one in together] == [
        ("ingest-prepare", ()),
        ("train-evaluate", ("ingest-prepare",)),
    ]


def test_what_is_in_memory_does_not_cross() -> None:
    """The error names the dataset, who makes it, and who reads it."""
    steps = [*STEPS, step("peek", "evaluate", "primary"), step("look", "train", "primary")]
    with pytest.raises(
        ConfigurationError,
        match=r"dataset 'primary' is in memory only; 'join' \(container prepare\) makes it, and 'peek' \(container "
        r"evaluate\), 'look' \(container train\) read it in another container",
    ):
        grouped(steps, GROUPS, KEPT.__contains__)


@pytest.mark.parametrize(
    ("steps", "groups", "message"),
    [
        (STEPS, {"ingest": ("ingest",)}, "node 'join' belongs to no container"),
        ([step("a", "ingest")], {"one": ("ingest",), "two": ("ingest",)}, "belongs to two containers: one, two"),
        (
            [step("a", "x", "", "one"), step("b", "y", "one", "two"), step("c", "x", "two")],
            {"x": ("x",), "y": ("y",)},
            "containers wait for each other: x, y",
        ),
    ],
)
def test_what_cannot_be_grouped_is_said(steps: list[Step], groups: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        grouped(steps, groups, lambda _: True)


@pytest.mark.parametrize("text", ["", "a+a", "a,a", "A", "a b", "a;rm", "a,,b"])
def test_containers_that_nobody_could_mean(text: str) -> None:
    with pytest.raises(ConfigurationError, match="does not say which tags make a container"):
        containers_of(text)


def test_the_specification_is_the_one_that_kfp_has_read(jobs: Callable[..., Opened]) -> None:
    """`make test-kfp` has the real kfp read the committed file; here it is compared with what is written today."""
    spec = pipeline_spec(jobs(train=TRAIN).services, "workbench-alpha-pipeline-1", made())
    assert spec == json.loads(GOLDEN.read_text())


def test_a_pipeline_is_submitted_once(jobs: Callable[..., Opened], vertex: VertexDouble) -> None:
    def again() -> Any:
        opened = jobs(train=TRAIN)
        return run_pipeline(opened.services, opened.jobs, made())

    assert killed_after(vertex, again, "POST .*pipelineJobs")
    job = again()
    assert job.state == "SUCCEEDED"
    (kept,) = vertex.jobs.values()
    assert kept.name.endswith(f"/pipelineJobs/{job.name}")
    tasks = kept.pipeline_spec["root"]["dag"]["tasks"]
    assert list(tasks["evaluate"]["dependentTasks"]) == ["prepare", "train"]
    vertex.job_fails = "Job failed."
    with pytest.raises(TargetError, match=r"ended as failed: Job failed\."):
        again()
    opened = jobs()
    with pytest.raises(ConfigurationError, match="4 containers share no MLflow server"):
        run_pipeline(opened.services, opened.jobs, made())


@pytest.mark.slow
@pytest.mark.integration
def test_the_commands(project: Path, kedro: Callable[..., Any], vertex: VertexDouble) -> None:
    """All clients' pipeline is accepted, and a dataset in memory is refused by name before anything is begun."""
    target = f"""
deploy:
  cloud:
    kind: vertex
    project: acme-1
    location: us-central1
    bucket: acme-models
    image: us-docker.pkg.dev/acme-1/workbench/serving:1
    address: {vertex.address}
    poll_seconds: 0.001
    train: {{image: us-docker.pkg.dev/acme-1/workbench/train:1, mlflow: "https://mlflow.acme.example"}}
"""
    with (project / "conf/clients/clinic/client.yml").open("a") as file:
        file.write(target)
    options = "--env", "clients/clinic", "--target", "cloud"
    with environment(CLINIC__GOOGLE_CREDENTIALS=key_file(vertex.address)):
        shown = kedro(project, "vertex", "pipeline", *options, "--dry-run")
        tasks = json.loads(shown.stdout)["root"]["dag"]["tasks"]
        assert list(tasks) == ["ingest", "prepare", "train", "evaluate", "register", "score", "report"]
        assert vertex.requests == []
        done = kedro(project, "vertex", "pipeline", *options, "--json")
        assert json.loads(done.stdout)["state"] == "SUCCEEDED"
        catalog = project / "conf/base/catalog.yml"
        memory = "features:\n  type: kedro.io.MemoryDataset\n\n"
        catalog.write_text(re.sub(r"(?ms)^features:\n.*?\n\n", memory, catalog.read_text()))
        refused = kedro(project, "vertex", "pipeline", *options, check=False)
    assert refused.returncode == 1
    assert "dataset 'features' is in memory only; 'make_features' (container prepare) makes it" in refused.stderr
    assert len(vertex.jobs) == 1
