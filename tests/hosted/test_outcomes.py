"""What becomes of a tuned model: kept out, preferred by pairs, held against a champion, asked once."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterable
from typing import Any

import pytest
from hosted_killing import killed_at
from hosted_world import World

from pipelines.tune import nodes
from pipelines.tune.hosted import for_service
from workbench import audit
from workbench.datasets.hosted_model import HostedFolder
from workbench.errors import DataError, ModelError, TargetError, Transient
from workbench.hosted import overview
from workbench.hosted.answers import HostedChat, Journal
from workbench.hosted.session import open_session
from workbench.registry import models
from workbench.targets.azure_openai.evaluations import KEPT
from workbench.targets.azure_openai.release import language_release
from workbench.targets.book import refuse_deployed
from workbench.targets.opening import open_deployment


def test_what_the_gate_keeps_out_does_not_cost_by_the_hour(azure: World) -> None:
    verdict = azure.tune(gate={"margin": 5.0})
    assert verdict["decision"] == "kept"
    assert azure.arm.deployments == {}
    assert azure.arm.quota == 10
    # Again: nothing is asked, brought up, or paid for.
    before = len(azure.openai.chats), len(azure.arm.calls("PUT"))
    assert azure.tune(gate={"margin": 5.0})["decision"] == "kept"
    assert (len(azure.openai.chats), len(azure.arm.calls("PUT"))) == before
    assert len(azure.openai.jobs) == 1


def test_what_has_been_compared_does_not_cost_by_the_hour(azure: World) -> None:
    """A champion neither: the target that serves it has a deployment of its own."""
    assert azure.tune()["decision"] == "promoted"
    assert azure.arm.deployments == {}
    assert len(azure.arm.calls("PUT .*/deployments/")) == 1
    assert ("tuning.deployment_removed", "acme") in {(one.action, one.client) for one in audit.entries(azure.project)}


@pytest.mark.parametrize("margin", [0.01, pytest.param(5.0, marks=pytest.mark.slow)])
def test_it_stays_up_if_the_client_says_so(azure: World, margin: float) -> None:
    azure.tune(gate={"margin": margin}, hosted={"keep_deployment": True})
    (name,) = azure.arm.deployments
    # Another tuning, and a target, leave alone what was kept.
    azure.tune(hosted={"seed": 18})
    assert list(azure.arm.deployments) == [name]
    assert overview.take_down(azure.project, "acme", name)
    assert azure.arm.deployments == {}


def test_what_an_interrupted_tuning_has_left_is_taken_down_by_the_next(azure: World) -> None:
    forgotten(azure)
    azure.tune(hosted={"seed": 18})
    assert azure.arm.deployments == {}
    assert azure.arm.quota == 10


def test_a_deployment_that_never_came_up_is_taken_down_too(azure: World) -> None:
    azure.arm.outcome = "Failed"
    with pytest.raises(TargetError, match="is Failed"):
        azure.tune()
    (name,) = azure.arm.deployments
    assert [one.status for one in overview.look(azure.project, "acme")][-1] == "coming up"
    assert overview.take_down(azure.project, "acme", name)
    assert azure.arm.deployments == {}


def forgotten(azure: World) -> str:
    """What a tuning leaves that was killed between its verdict and the end; the deployment's name."""
    azure.tune(hosted={"keep_deployment": True})
    (name,) = azure.arm.deployments
    row = azure.book.find("deployment", name)
    facts = {key: value for key, value in row.facts.items() if key != KEPT}
    azure.book.plan("deployment", name, None, facts)
    azure.book.note("deployment", name, "created")
    return name


@pytest.mark.parametrize("calls", [(9, 10**6), pytest.param(range(100), marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_target_that_serves_the_model_takes_its_comparisons_deployment_down(
    azure: World, calls: Iterable[int]
) -> None:
    """Also if it is killed after a remote call, and given again."""
    name = forgotten(azure)
    azure.hold_out(["yes"])

    def apply() -> None:
        with open_deployment(azure.project, "acme", "cloud", scale=0.01) as deployment:
            deployment.apply(language_release(azure.project, "acme"))

    ends = []
    for call in calls:
        ends.append(killed_at(call, apply, azure.openai, azure.arm))
        if ends[-1] == 0:
            break
    assert ends[0] == -signal.SIGKILL
    assert ends[-1] == 0
    assert list(azure.arm.deployments) == ["workbench-acme-v1"]
    assert {row.state for row in azure.book.resources(gone=True) if row.name == name} == {"gone"}


@pytest.mark.parametrize("kept", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_target_leaves_alone_what_was_kept_and_what_is_of_another_model(azure: World, kept: bool) -> None:
    if kept:
        azure.tune(hosted={"keep_deployment": True})
    else:
        name = forgotten(azure)
        row = azure.book.find("deployment", name)
        azure.book.plan("deployment", name, None, {**row.facts, "model": "another"})
        azure.book.note("deployment", name, "created")
    azure.hold_out(["yes"])
    with open_deployment(azure.project, "acme", "cloud", scale=0.01) as deployment:
        deployment.apply(language_release(azure.project, "acme"))
    assert len(azure.arm.deployments) == 2


def test_preference_pairs_are_tuned_by_dpo(azure: World) -> None:
    azure.deploy["api_version"] = "2025-04-01-preview"  # the first that knows dpo
    azure.configure()
    azure.write(
        [
            {
                "prompt": f"Is {n} odd? Mail ada{n}@example.org",
                "response": "yes",
                "rejected": f"no, ask ada{n}@example.org",
            }
            for n in range(40)
        ]
    )
    verdict = azure.tune(hosted={"beta": 0.2})
    assert verdict["decision"] == "promoted", verdict
    (job,) = azure.openai.jobs.values()
    assert job.job.method.type == "dpo"
    line = json.loads(azure.openai.contents[job.job.training_file].splitlines()[0])
    assert set(line) == {"input", "preferred_output", "non_preferred_output"}
    assert line["non_preferred_output"][0]["content"] == "no, ask [EMAIL]"
    assert models.find(azure.store, "acme-tune", models.CHAMPION).tags["method"] == "dpo"


def test_some_rows_with_a_worse_answer_are_refused_by_line(world: World) -> None:
    given = [{"prompt": f"q{n}", "response": "yes", **({} if n % 2 else {"rejected": "no"})} for n in range(40)]
    world.write(given)
    parameters = world.parameters()
    folds = nodes.prepare_examples(world.files, parameters)[:3]
    with pytest.raises(DataError, match=r"tune_train.jsonl:\d+: is of the other kind"):
        nodes.estimate_tuning(world.files, *folds, parameters)


def test_a_second_tuning_is_held_against_the_first(world: World) -> None:
    world.tune()
    again = world.tune(hosted={"seed": 18})
    assert (again["decision"], again["version"], again["champion_version"]) == ("kept", 2, 1)
    assert again["champion"]["value"] == 1.0
    assert len(world.openai.jobs) == 2
    assert len(world.openai.files) == 2


def test_nothing_secret_is_written_anywhere(azure: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    azure.tune()
    import arm_double

    token = next(iter(azure.arm.tokens))
    for secret in (azure.openai.key, arm_double.SECRET, token):
        assert secret not in caplog.text
        for path in azure.project.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


def test_a_record_that_was_changed_is_refused(world: World) -> None:
    world.tune()
    path = world.project / "models/acme/tuned/hosted.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(ModelError, match=r"hosted.json cannot be read.*a job that is done is not paid for again"):
        HostedFolder.check(path.parent)


def test_an_answer_is_asked_once_and_a_torn_line_counts_as_none(world: World, tmp_path: Any) -> None:
    session = open_session(world.project, "acme")
    prompts = [[{"role": "user", "content": f"question {n}"}] for n in range(6)]

    def asked() -> int:
        chat = HostedChat(session, "base", Journal(tmp_path / "answers.jsonl"), "base")
        before = len(world.openai.chats)
        assert chat.answer(prompts, max_new_tokens=8, batch_size=3) == ["I do not know."] * 6
        return len(world.openai.chats) - before

    assert asked() == 6
    assert asked() == 0
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert asked() == 1
    assert asked() == 0
    session.close()


def test_what_the_content_filter_refuses_is_answered_with_nothing(world: World, tmp_path: Any) -> None:
    from double_service import Answer, Fault

    body = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    world.openai.faults.append(Fault("chat/completions", answer=Answer(400, body)))
    session = open_session(world.project, "acme")
    chat = HostedChat(session, "base", Journal(tmp_path / "a.jsonl"), "base")
    assert chat.answer([[{"role": "user", "content": "x"}]], max_new_tokens=8) == [""]
    session.close()


def test_examples_are_sent_as_the_service_reads_them() -> None:
    rows = [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}]
    assert for_service(rows) == rows


def test_a_client_is_forgotten_only_after_what_it_has_at_its_service(azure: World) -> None:
    azure.tune(hosted={"keep_deployment": True})
    with pytest.raises(TargetError, match="kedro tune down --all --env clients/acme"):
        refuse_deployed(azure.project, "acme")
    shown = overview.look(azure.project, "acme")
    assert [(one.kind, one.status) for one in shown] == [
        ("file", ""),
        ("file", ""),
        ("tuning_job", "succeeded"),
        ("deployment", "up"),
    ]
    overview.clear(azure.project, "acme", shown)
    assert (azure.arm.deployments, azure.openai.files) == ({}, {})
    refuse_deployed(azure.project, "acme")
    assert [entry.action for entry in audit.entries(azure.project)][-1] == "tuning.cleared"


def test_a_running_job_is_cancelled(world: World) -> None:
    world.configure(deadline_hours=0.00001)
    world.openai.queue = 10**6
    with pytest.raises(Transient, match="still queued"):
        world.tune()
    running = overview.running(overview.look(world.project, "acme"))
    assert [one.remote for one in running] == ["ftjob-0001"]
    overview.cancel(world.project, "acme", running)
    assert world.openai.jobs["ftjob-0001"].job.status == "cancelled"
    assert overview.running(overview.look(world.project, "acme")) == []
    assert {row.state for row in world.book.resources(gone=True) if row.kind == "tuning_job"} == {"gone"}
    (entry,) = [one for one in audit.entries(world.project) if one.action == "tuning.cancelled"]
    assert (entry.client, entry.facts) == ("acme", {"job": "ftjob-0001"})
