"""Killed after any remote call, and given again: one file, one job, one deployment, each number once, the same end."""

from __future__ import annotations

import shutil
import signal
import ssl
from pathlib import Path
from typing import Any

import pytest
from arm_double import ArmDouble
from hosted_killing import killed_at
from hosted_world import SECRETS, World, azure_world
from openai_double import OpenAIDouble

from workbench.registry import models

NO_MORE_THAN = 300


def check(world: World) -> None:
    """The end state, whatever happened on the way."""
    openai = world.openai
    names = [one.filename for one in openai.files.values()]
    assert len(names) == len(set(names)) == 2
    assert len(openai.jobs) == 1
    assert len(openai.calls("POST .*/fine_tuning/jobs$")) == 1
    assert [step for step, _ in world.curve()] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in world.curve("tune_full_validation_loss")] == [3, 6]
    store = world.store
    assert len(store.api.search_model_versions("name = 'acme-tune'")) == 1
    champion = models.find(store, "acme-tune", models.CHAMPION)
    assert champion is not None
    assert champion.tags["hosted_job"] == "ftjob-0001"
    runs = store.api.search_runs([store.experiment("acme")], filter_string="tags.hosted_job = 'ftjob-0001'")
    assert [run.info.status for run in runs] == ["FINISHED"]
    states = {(row.kind, row.state) for row in world.book.resources(gone=True)}
    if world.arm is not None:
        assert world.arm.deployments == {}  # it has answered, and would cost by the hour
        assert world.arm.quota == 10
        assert states == {("file", "created"), ("tuning_job", "created"), ("deployment", "gone")}
    else:
        assert states == {("file", "created"), ("tuning_job", "created")}


def test_killed_after_each_call_in_turn(azure: World) -> None:
    """One life after the other: killed after its first call, its second, … until one comes to its end."""
    azure.openai.lag = 1
    azure.bring_store()
    for call in range(NO_MORE_THAN):
        status = killed_at(call, azure.tune, azure.openai, azure.arm)
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert call > 5
    check(azure)


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["openai", "azure", "dated"])
def test_killed_once_after_every_call(
    template: Path, tmp_path: Path, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, flavour: str
) -> None:
    """The whole matrix: for each call by its number, a new world, one death, one more run."""
    calls = 0
    while True:
        project = Path(shutil.copytree(template, tmp_path / str(calls)))
        with OpenAIDouble("openai" if flavour == "openai" else "azure") as service, ArmDouble(certificate) as arm:
            service.lag = 1
            world = small_world(flavour, project, service, arm, monkeypatch)
            services = [service] if flavour == "openai" else [service, arm]
            status = killed_at(calls, world.tune, *services)
            if status != 0:
                assert status == -signal.SIGKILL
                assert world.tune_in_child() == 0
            check(world)
        shutil.rmtree(project)
        if status == 0:
            break
        calls += 1
        assert calls < NO_MORE_THAN
    print(f"{flavour}: killed after each of {calls} remote calls")
    assert calls > 20


def small_world(flavour: str, project: Path, service: Any, arm: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    if flavour == "openai":
        monkeypatch.setenv("ACME__OPENAI_API_KEY", service.key)
        world = World(project, service)
        world.configure(service="openai", endpoint=f"{service.address}/v1", poll_seconds=0.01, settle_seconds=0.2)
        world.write([{"prompt": f"Is {number} odd?", "response": "yes"} for number in range(40)])
        return world
    for name, value in {**SECRETS, "ACME__AZURE_OPENAI_API_KEY": service.key}.items():
        monkeypatch.setenv(name, value)
    world = azure_world(project, service, arm)
    if flavour == "dated":
        world.deploy["api_version"] = "2024-10-21"
        world.configure()
    return world
