"""What goes wrong on the way, at each kind of call: tried again, looked for, or explained."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from double_service import Answer, Fault
from hosted_world import World
from openai.types.fine_tuning import FineTuningJobEvent
from openai.types.fine_tuning.fine_tuning_job import Error

from workbench.errors import ConfigurationError, ModelError, Terminal, Transient, Unreachable
from workbench.hosted import examples, files, jobs
from workbench.hosted.answers import HostedChat, Journal
from workbench.hosted.follow import Point, _point, explain_end, follow
from workbench.hosted.session import Session, open_session
from workbench.targets.azure_openai.translate import NotThere, Unauthorised

CONTENT = examples.lines_of([{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "yes"}]}])
OTHER = CONTENT * 2
HTML = Answer(200, b"<html>captive portal</html>", {"Content-Type": "text/html"})
BUSY = Answer(429, {"error": {"message": "Rate limit", "code": "rate_limit_exceeded"}}, {"Retry-After": "1"})
DOWN = Answer(500, {"error": {"message": "The server had an error"}}, {"Retry-After": "0"})


class Heard:
    """A listener that keeps all."""

    def __init__(self) -> None:
        self.all: list[Point] = []
        self.said: list[str] = []

    def points(self, points: list[Point]) -> None:
        self.all += points

    def status(self, job: Any, last: Point | None, total: int | None) -> None:
        self.said.append(job.status)


def spec(**changes: Any) -> jobs.JobSpec:
    made = {"client": "acme", "endpoint": "here", "model": "gpt-4.1-mini-2025-04-14", "method": "supervised"}
    return jobs.JobSpec(**{**made, "training": "a", "validation": "b", **changes})


def whole(world: World, session: Session) -> Any:
    """Two files, a job, its end."""
    training, validation = (files.ensure_file(session, world.book, one) for one in (CONTENT, OTHER))
    job = jobs.ensure_job(session, world.book, spec(), training, validation)
    heard = follow(session, job, Heard())
    explain_end(session, heard)
    return heard


@pytest.fixture
def session(world: World) -> Any:
    opened = open_session(world.project, "acme", scale=0.05)
    yield opened
    opened.close()


CALLS = [
    "POST .*/files$",
    "GET .*/files$",
    "GET .*/files/",
    "POST .*/jobs$",
    "GET .*/jobs$",
    "GET .*/jobs/[^/]+$",
    "GET .*/events$",
    "GET .*/checkpoints$",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["after", "html"])
def test_each_call_survives(world: World, session: Session, call: str, fault: str) -> None:
    survive(world, session, call, fault)


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["500", "before", "truncated"])
def test_each_call_survives_what_is_less_cunning(world: World, session: Session, call: str, fault: str) -> None:
    survive(world, session, call, fault)


def survive(world: World, session: Session, call: str, fault: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "500": {"answer": DOWN, "times": 2},
        "before": {"drop": "before"},
        "after": {"drop": "after"},
        "html": {"answer": HTML},
        "truncated": {"truncate": 30},
    }
    world.openai.faults.append(Fault(call, **kinds[fault]))
    heard = whole(world, session)
    assert heard.job.status == "succeeded"
    assert sorted(heard.points) == [1, 2, 3, 4, 5, 6]
    assert (len(world.openai.files), len(world.openai.jobs)) == (2, 1)


def test_a_job_whose_answer_was_lost_is_found_and_not_paid_twice(world: World, session: Session) -> None:
    world.openai.lag = 1
    world.openai.faults.append(Fault("POST .*/jobs$", drop="after"))
    heard = whole(world, session)
    assert heard.job.id == "ftjob-0001"
    assert len(world.openai.calls("POST .*/jobs$")) == 1


def test_it_waits_as_long_as_it_is_asked_to(world: World) -> None:
    session = open_session(world.project, "acme")
    world.openai.faults.append(Fault("GET .*/files$", answer=BUSY))
    began = time.monotonic()
    files.ensure_file(session, world.book, CONTENT)
    assert 1.0 <= time.monotonic() - began < 5
    session.close()


def test_a_request_that_was_throttled_had_no_effect_and_is_not_looked_for(world: World, session: Session) -> None:
    world.configure(settle_seconds=600)
    opened = open_session(world.project, "acme", scale=0.05)
    world.openai.faults.append(Fault("POST .*/files$", answer=Answer(429, BUSY.body, {"Retry-After": "0"})))
    began = time.monotonic()
    files.ensure_file(opened, world.book, CONTENT)
    assert time.monotonic() - began < 5
    assert world.book.find("file", files.file_name("acme", CONTENT)).state == "created"
    opened.close()


def test_what_stays_down_may_pass_later(world: World, session: Session) -> None:
    world.openai.faults.append(Fault("", answer=DOWN, times=99))
    with pytest.raises(Unreachable, match=r"client acme, openai at http.*too much to do, or is down \(500\)"):
        whole(world, session)
    assert len(world.openai.requests) == 4


def test_no_credit_is_no_matter_of_waiting(world: World, session: Session) -> None:
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    world.openai.faults.append(Fault("", answer=Answer(429, body), times=99))
    with pytest.raises(ConfigurationError, match="the account has no credit left"):
        whole(world, session)
    assert len(world.openai.requests) == 1


def test_a_key_that_was_changed_is_fetched_once(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.ensure_file(session, world.book, CONTENT)
    world.openai.keys = {"sk-new-key-0987654321"}
    monkeypatch.setenv("ACME__OPENAI_API_KEY", "sk-new-key-0987654321")
    files.ensure_file(session, world.book, OTHER)
    world.openai.keys = {"sk-nobody-knows"}
    before = len(world.openai.requests)
    with pytest.raises(Unauthorised, match=r"it refuses the key or token \(401\)"):
        jobs.retrieve(session, "ftjob-0001")
    assert len(world.openai.requests) == before + 2


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refusal_is_explained_at_once_and_without_the_key(world: World, session: Session, status: int) -> None:
    files.ensure_file(session, world.book, CONTENT)  # the key is known by now
    message = f"model not available for key {world.openai.key}"
    world.openai.faults.append(Fault("POST .*/jobs$", answer=Answer(status, {"error": {"message": message}}), times=9))
    with pytest.raises(Terminal, match=str(status)) as caught:
        whole(world, session)
    assert "model not available" in str(caught.value)
    assert world.openai.key not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(world.openai.calls("POST .*/jobs$")) == 1


def test_a_half_finished_upload_is_made_again(world: World, session: Session) -> None:
    name = files.file_name("acme", CONTENT)
    world.openai.put_file(name, CONTENT[:10], status="processed")
    world.openai.put_file(name, b"", status="error")
    assert files.ensure_file(session, world.book, CONTENT) == "file-0003"
    assert world.openai.contents["file-0003"] == CONTENT


def test_an_upload_that_ends_short_is_removed_and_made_again(world: World, session: Session) -> None:
    name = files.file_name("acme", CONTENT)
    # Still being processed, so nobody can tell yet.
    world.openai.put_file(name, CONTENT[:10], status="uploaded")
    files.ensure_file(session, world.book, CONTENT)
    assert [len(world.openai.contents[key]) for key in world.openai.files] == [len(CONTENT)]


def test_a_file_that_somebody_removed_is_uploaded_again(world: World, session: Session) -> None:
    first = files.ensure_file(session, world.book, CONTENT)
    del world.openai.files[first]
    assert files.ensure_file(session, world.book, CONTENT) in world.openai.files


def test_a_file_of_the_same_size_is_another(world: World, session: Session) -> None:
    """An account may be shared: what is trained on is known by its name, which holds the digest, never by its size."""
    others = world.openai.put_file("beta-0123456789abcdef.jsonl", b"x" * len(CONTENT), status="processed")
    made = files.ensure_file(session, world.book, CONTENT)
    assert made != others["id"]
    assert world.openai.contents[made] == CONTENT
    assert len(world.openai.calls("GET .*/files$")) == 1  # the one page that there is


def test_what_the_ledger_knows_is_not_looked_for_nor_made_again(world: World, session: Session) -> None:
    """A list that is behind, or of another machine, would not show it."""
    world.openai.lag = 10**6
    training, validation = (files.ensure_file(session, world.book, one) for one in (CONTENT, OTHER))
    job = jobs.ensure_job(session, world.book, spec(), training, validation)
    before = len(world.openai.calls("POST")), len(world.openai.calls("GET .*/(files|jobs)$"))
    assert files.ensure_file(session, world.book, CONTENT) == training
    assert jobs.ensure_job(session, world.book, spec(), training, validation) == job
    assert (len(world.openai.calls("POST")), len(world.openai.calls("GET .*/(files|jobs)$"))) == before


def test_a_job_with_another_label_is_another_whatever_else_is_the_same(world: World, session: Session) -> None:
    training, validation = (files.ensure_file(session, world.book, one) for one in (CONTENT, OTHER))
    jobs.ensure_job(session, world.book, spec(), training, validation)
    world.openai.jobs["ftjob-0001"].job.__pydantic_extra__ = {}  # a service that does not tell the suffix
    assert jobs.ensure_job(session, world.book, spec(epochs=4), training, validation) == "ftjob-0002"


def test_a_file_that_is_gone_is_removed_without_a_word(session: Session) -> None:
    files.remove(session, "file-9999")


def test_the_same_content_is_uploaded_once(world: World, session: Session) -> None:
    assert files.ensure_file(session, world.book, CONTENT) == files.ensure_file(session, world.book, CONTENT)
    world.book.note("file", files.file_name("acme", CONTENT), "gone")  # as on another machine
    files.ensure_file(session, world.book, CONTENT)
    assert len(world.openai.calls("POST .*/files$")) == 1


def test_a_failed_job_is_explained_and_the_next_run_makes_another(world: World) -> None:
    problem = Error(code="invalid_training_file", message="Line 3 is too long", param="training_file")
    world.openai.fails = problem
    with pytest.raises(ModelError, match=r"failed \(invalid_training_file: Line 3 is too long, about training_file\)"):
        world.tune()
    states = [row.state for row in world.book.resources(gone=True) if row.kind == "tuning_job"]
    assert states == ["gone"]
    status = {run.info.status for run in runs_of(world)}
    assert status == {"FAILED"}
    assert world.tune()["decision"] == "promoted"
    assert [one.job.status for one in world.openai.jobs.values()] == ["failed", "succeeded"]
    assert len(world.openai.files) == 2


def runs_of(world: World) -> Any:
    store = world.store
    return store.api.search_runs([store.experiment("acme")], filter_string="tags.hosted_job != ''")


def test_a_cancelled_job_is_said_to_be(world: World, session: Session) -> None:
    training, validation = (files.ensure_file(session, world.book, one) for one in (CONTENT, OTHER))
    job = jobs.ensure_job(session, world.book, spec(), training, validation)
    assert jobs.cancel(session, job).status == "cancelled"
    with pytest.raises(ModelError, match=f"job {job} was cancelled.*starts a new job"):
        explain_end(session, follow(session, job, Heard()))


def test_a_deadline_leaves_the_job_running(world: World, session: Session) -> None:
    world.configure(deadline_hours=0.00001)
    world.openai.queue = 10_000
    opened = open_session(world.project, "acme", scale=0.05)
    with pytest.raises(Transient, match=r"job ftjob-0001 is still queued.*run the same command again"):
        whole(world, opened)
    world.openai.queue = 1
    assert whole(world, session).job.id == "ftjob-0001"
    opened.close()


def test_another_setting_is_another_job(world: World, session: Session) -> None:
    training, validation = (files.ensure_file(session, world.book, one) for one in (CONTENT, OTHER))
    made = {
        jobs.ensure_job(session, world.book, one, training, validation)
        for one in (spec(), spec(epochs=4), spec(seed=18), spec(), spec(epochs=4))
    }
    assert len(made) == 3


def test_a_key_that_is_not_there_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME__OPENAI_API_KEY")
    session = open_session(world.project, "acme")
    with pytest.raises(ConfigurationError, match="there is no secret OPENAI_API_KEY.*ACME__OPENAI_API_KEY"):
        whole(world, session)


def test_nobody_there_is_transient(world: World) -> None:
    world.configure(endpoint="http://127.0.0.1:9/v1")
    session = open_session(world.project, "acme", scale=0.0)
    with pytest.raises(Unreachable, match="it cannot be reached"):
        whole(world, session)
    session.close()


def test_a_slow_answer_is_given_up(world: World) -> None:
    world.configure(timeout_seconds=0.2)
    session = open_session(world.project, "acme", scale=0.0)
    world.openai.faults.append(Fault("", delay=0.6))
    assert whole(world, session).job.status == "succeeded"
    session.close()


EMPTY = Answer(200, {"object": "list", "data": [], "has_more": True})


@pytest.mark.parametrize("call", ["GET .*/files$", "GET .*/jobs$", "GET .*/events$"])
def test_a_page_that_promises_more_and_holds_nothing_is_the_last(world: World, session: Session, call: str) -> None:
    world.openai.faults.append(Fault(call, answer=EMPTY))
    assert whole(world, session).job.status == "succeeded"


def test_an_answer_without_an_id_is_not_the_apis(world: World, session: Session) -> None:
    """Somebody else's JSON: the SDK makes an object of whatever comes."""
    world.openai.faults.append(Fault("POST .*/files$", answer=Answer(200, {"ok": True}), times=99))
    with pytest.raises(Unreachable, match=r"the answer is not the API's \(no FileObject\)"):
        files.ensure_file(session, world.book, CONTENT)


def test_a_file_that_breaks_at_the_service_is_removed_and_sent_again(world: World, session: Session) -> None:
    """As long as the one before, and with the same name: its status alone tells."""
    broken = world.openai.put_file(files.file_name("acme", CONTENT), CONTENT, status="error")
    world.openai.files.clear()
    world.openai.faults.append(Fault("GET .*/files/", answer=Answer(200, broken)))
    made = files.ensure_file(session, world.book, CONTENT)
    assert list(world.openai.files) == [made]
    assert len(world.openai.calls("DELETE .*/files/")) == 1
    assert len(world.openai.calls("POST .*/files$")) == 2


def test_a_file_that_is_never_processed_is_given_up(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.05)
    world.openai.file_looks = 10**6
    with pytest.raises(Transient, match=r"file file-0001 is still uploaded.*run the same command again later"):
        files.ensure_file(session, world.book, CONTENT)


def test_a_job_that_succeeded_without_a_model_has_failed(world: World, session: Session) -> None:
    heard = whole(world, session)
    heard.job.fine_tuned_model = None
    with pytest.raises(ModelError, match=r"job ftjob-0001 failed \(it gave no reason\)"):
        explain_end(session, heard)


@pytest.mark.parametrize("data", [None, [1], {"train_loss": 0.5}, {"step": 3}], ids=str)
def test_an_event_without_a_step_or_a_number_is_no_measurement(data: Any) -> None:
    event = FineTuningJobEvent.construct(id="e", created_at=1, type="metrics", message="Step 3", data=data)
    assert _point(event) is None


def asked(world: World, folder: Path, **settings: Any) -> list[str]:
    """One question to the base model."""
    world.configure(**settings)
    opened = open_session(world.project, "acme", scale=0.0)
    try:
        chat = HostedChat(opened, "base", Journal(folder / "answers.jsonl"), "base")
        return chat.answer([[{"role": "user", "content": "x"}]], max_new_tokens=8)
    finally:
        opened.close()


def test_a_deployment_that_does_not_answer_yet_is_waited_for(world: World, tmp_path: Path) -> None:
    gone = Answer(404, {"error": {"message": "The API deployment does not exist", "code": "DeploymentNotFound"}})
    world.openai.faults.append(Fault("chat/completions", answer=gone, times=2))
    assert asked(world, tmp_path, settle_seconds=30) == ["I do not know."]
    world.openai.faults.append(Fault("chat/completions", answer=gone, times=10**6))
    with pytest.raises(NotThere, match="404: .*does not exist"):
        asked(world, tmp_path / "again", settle_seconds=0)


def test_an_answer_without_a_choice_is_none(world: World, tmp_path: Path) -> None:
    empty = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "base", "choices": []}
    world.openai.faults.append(Fault("chat/completions", answer=Answer(200, empty), times=9))
    with pytest.raises(ModelError, match=r"acme, openai at http.*, base: the answer is no chat completion"):
        asked(world, tmp_path)
