"""From examples to a champion, at each kind of service."""

from __future__ import annotations

from typing import Any

from workbench.registry import models


def test_openai(world: Any) -> None:
    verdict = world.tune()
    assert (verdict["decision"], verdict["model"], verdict["version"]) == ("promoted", "acme-tune", 1), verdict
    assert (len(world.openai.files), len(world.openai.jobs)) == (2, 1)
    version = models.find(world.store, "acme-tune", models.CHAMPION)
    assert version is not None
    tags = version.tags
    assert tags["hosted_job"] == "ftjob-0001"
    assert tags["deployment"] == tags["fine_tuned_model"]
    prompt = world.store.api.load_prompt(tags["prompt"])
    assert prompt.template == [{"role": "user", "content": "{{prompt}}"}]
    assert [step for step, _ in world.curve()] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in world.curve("tune_full_validation_loss")] == [3, 6]


def test_azure(azure: Any) -> None:
    verdict = azure.tune()
    assert verdict["decision"] == "promoted", verdict
    (name,) = azure.arm.deployments
    assert name.startswith("acme-tune-")
    deployed = azure.arm.deployments[name]
    assert deployed.tags["client"] == "acme"
    assert deployed.properties.model.name.startswith("gpt-4.1-mini-2025-04-14.ft-")
    assert {model for model, _ in azure.openai.chats} == {deployed.properties.model.name, "gpt-4.1-mini-2025-04-14"}
