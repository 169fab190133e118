"""From examples to a champion, at each kind of service."""

from __future__ import annotations

import json

from hosted_world import World

from workbench.hosted import overview
from workbench.registry import models


def test_from_examples_to_a_champion(place: World) -> None:
    """Runs against a real account with ``--live``; what the doubles know beside it is looked at with them alone."""
    verdict = place.tune()
    assert (verdict["model"], verdict["version"]) == ("acme-tune", 1), verdict
    version = models.find(place.store, "acme-tune", models.CHALLENGER)
    assert version is not None
    assert version.tags["base_model"] == place.model
    prompt = place.store.api.load_prompt(version.tags["prompt"])
    assert prompt.template == [{"role": "user", "content": "{{prompt}}"}]
    steps = [step for step, _ in place.curve()]
    assert steps
    assert len(steps) == len(set(steps))
    # Again: the same job, the same version.
    again = place.tune()
    assert (again["version"], again["adopted"]) == (1, True)
    if place.openai is not None:
        assert verdict["decision"] == "promoted"
        assert steps == [1, 2, 3, 4, 5, 6]
        assert [step for step, _ in place.curve("tune_full_validation_loss")] == [3, 6]
        assert (len(place.openai.files), len(place.openai.jobs)) == (2, 1)
    if place.arm is not None:
        (put,) = [json.loads(one.body) for one in place.arm.calls("PUT .*/deployments/")]
        assert put["tags"]["client"] == "acme"
        assert {model for model, _ in place.openai.chats} == {put["properties"]["model"]["name"], place.model}
        assert place.arm.deployments == {}
    overview.clear(place.project, "acme", overview.look(place.project, "acme"))
