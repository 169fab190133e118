"""What becomes of a tuned model: kept out, preferred by pairs, held against a champion, asked once."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
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
from workbench.targets.book import refuse_deployed


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


def test_it_stays_up_if_the_client_says_so(azure: World) -> None:
    azure.tune(gate={"margin": 5.0}, hosted={"keep_rejected": True})
    assert len(azure.arm.deployments) == 1


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
    azure.tune()
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
