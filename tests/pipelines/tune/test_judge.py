from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

from pipelines.tune.judge import Judge, _score
from pipelines.tune.nodes import evaluate_generation
from pipelines.tune.parameters import JudgeSettings, TuneParameters
from workbench.datasets import ClientFiles
from workbench.errors import ConfigurationError, SecretMissing, Transient
from workbench.learning.language import BaseModel, TuneConfig, TunedFolder, tune
from workbench.secrets import ClientSecrets
from workbench.secrets.environment import EnvironmentPlace

KEY = "sk-very-secret-0123456789"
PROMPT = [{"role": "user", "content": "red in French?"}]
PARAMS: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)


@dataclass
class Endpoint:
    """A server on this machine that speaks the published contract, with openai's own types."""

    url: str = ""
    replies: list[Any] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


def completion(text: str | None) -> str:
    message = ChatCompletionMessage(role="assistant", content=text)
    choice = Choice(index=0, finish_reason="stop", message=message)
    made = ChatCompletion(id="c", object="chat.completion", created=1, model="judge-1", choices=[choice])
    return made.model_dump_json()


def secrets(**environ: str) -> ClientSecrets:
    clients = ("acme", "other")
    return ClientSecrets("acme", EnvironmentPlace("acme", clients, environ), clients)


def failure(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.times.append(time.monotonic())
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(body)
            state.keys.append(self.headers["Authorization"])
            status, text, headers = 404, failure("no such path"), {}
            if self.path == "/v1/chat/completions":
                PARAMS.validate_python(body)
                status, text, headers = state.replies.pop(0) if len(state.replies) > 1 else state.replies[0]
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    monkeypatch.setenv("ACME__JUDGE_KEY", KEY)
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def judge(endpoint: Endpoint) -> Iterator[Judge]:
    settings = JudgeSettings(model="judge-1", endpoint=endpoint.url, key_variable="JUDGE_KEY", retries=2)
    made = Judge(settings, secrets(ACME__JUDGE_KEY=KEY))
    yield made
    made.close()


def test_a_grade_by_the_rubric(endpoint: Endpoint, judge: Judge) -> None:
    endpoint.replies = [(200, completion('{"reason": "right", "score": 4}'), {})]
    assert judge.grade(PROMPT, "rouge", "Rouge.") == 0.75
    (request,) = endpoint.requests
    assert request["model"] == "judge-1"
    assert "Is the answer correct" in request["messages"][0]["content"]
    for part in ("red in French?", "<reference>\nrouge\n", "<answer>\nRouge.\n"):
        assert part in request["messages"][1]["content"]
    assert endpoint.keys == [f"Bearer {KEY}"]
    assert KEY not in json.dumps(request)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_it_tries_again_after_as_long_as_it_is_told(endpoint: Endpoint, judge: Judge, status: int) -> None:
    endpoint.replies = [(status, failure("busy"), {"Retry-After": "1"}), (200, completion('{"score": 5}'), {})]
    assert judge.grade(PROMPT, "rouge", "rouge") == 1.0
    assert 0.9 <= endpoint.times[1] - endpoint.times[0] < 10


def test_when_it_stays_busy_the_same_command_may_pass_later(endpoint: Endpoint, judge: Judge) -> None:
    endpoint.replies = [(429, failure("busy"), {"Retry-After": "0.01"})]
    with pytest.raises(Transient, match=r"judge judge-1 at http.*\(429\), after 2 retries"):
        judge.grade(PROMPT, "rouge", "rouge")
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (401, f"Incorrect API key provided: {KEY}", r"refuses the key \(401\).*secret JUDGE_KEY"),
        (403, f"Not for {KEY}", r"refuses the key \(403\)"),
        (404, "The model does not exist", r"does not know the model, or the address is wrong \(404\)"),
        (400, f"messages is too long for {KEY}", r"refuses the request \(400: .*too long for \[redacted\]"),
        (422, "bad", r"refuses the request \(422"),
    ],
)
def test_a_refusal_is_explained_at_once_and_without_the_key(
    endpoint: Endpoint, judge: Judge, caplog: pytest.LogCaptureFixture, status: int, message: str, said: str
) -> None:
    endpoint.replies = [(status, failure(message), {})]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigurationError, match=said) as caught:
        judge.grade(PROMPT, "rouge", "rouge")
    assert len(endpoint.requests) == 1
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert KEY not in "".join(record.getMessage() for record in caplog.records if record.levelno >= logging.INFO)


def test_what_is_no_chat_completion_is_explained(endpoint: Endpoint, judge: Judge) -> None:
    endpoint.replies = [(200, "<html>", {"Content-Type": "text/html"})]
    with pytest.raises(ConfigurationError, match="no chat completion"):
        judge.grade(PROMPT, "rouge", "rouge")
    endpoint.replies = [(200, "{", {})]
    with pytest.raises(ConfigurationError, match="no chat completion"):
        judge.grade(PROMPT, "rouge", "rouge")


def test_nobody_there_is_transient() -> None:
    settings = JudgeSettings(model="judge-1", endpoint="http://127.0.0.1:9/v1", retries=0)
    judge = Judge(settings, secrets(ACME__JUDGE_API_KEY=KEY))
    with pytest.raises(Transient, match="it does not answer"):
        judge.grade(PROMPT, "rouge", "rouge")
    judge.close()


def test_without_a_key_it_says_which_secret() -> None:
    with pytest.raises(SecretMissing, match=r"the judge's key.*JUDGE_API_KEY.*ACME__JUDGE_API_KEY.*judge.model: null"):
        Judge(JudgeSettings(model="judge-1"), secrets())


def test_another_clients_key_is_not_taken() -> None:
    with pytest.raises(ConfigurationError, match="belongs to another client"):
        Judge(JudgeSettings(model="judge-1", key_variable="OTHER__JUDGE_KEY"), secrets(OTHER__JUDGE_KEY=KEY))


def test_what_only_this_process_was_given_is_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    with pytest.raises(SecretMissing):
        Judge(JudgeSettings(model="judge-1"), secrets())


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ('{"score": 1}', 0.0),
        ('Sure!\n```json\n{"reason": "a {b}", "score": 3}\n```', 0.5),
        ('{"score": 6}', None),
        ('{"score": true}', None),
        ('{"score": "5"}', None),
        ("5", None),
        ("", None),
        ("{" * 100_000, None),
    ],
)
def test_a_grade_is_read_or_it_is_none(text: str, grade: float | None) -> None:
    assert _score(text) == grade


@pytest.mark.parametrize(
    "address", ["http://example.org/v1", "https://key@example.org/v1", "file:///etc/passwd", "example.org", "https://"]
)
def test_an_address_that_would_show_the_key_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="https:// address"):
        JudgeSettings(endpoint=address)


def test_base_and_tuned_are_graded_beside_each_other(endpoint: Endpoint, files: ClientFiles, tiny: ModuleType) -> None:
    base = BaseModel.find("models/base", tiny.base_of(files.project / "models" / "base"))
    examples = [{"messages": messages} for messages in tiny.colours()]
    config = TuneConfig(epochs=1, sequence_length=64, lora_rank=2, device="cpu")
    tune(base, tiny.colours(), tiny.colours(), config).save(files.project / "tuned")
    folder = TunedFolder.check(files.project / "tuned", lambda name, revision: base)
    settings = {"model": "judge-1", "endpoint": endpoint.url, "key_variable": "ACME__JUDGE_KEY", "examples": 3}
    parameters = TuneParameters(judge=settings, train={"device": "cpu"}, evaluate={"max_new_tokens": 2, "examples": 5})
    endpoint.replies = [(200, completion('{"score": 2}'), {})]
    rows, table, record = evaluate_generation(files, folder, examples, parameters)
    assert len(endpoint.requests) == 6
    assert [("judge" in row["base"], "judge" in row["tuned"]) for row in rows] == [(True, True)] * 3 + [
        (False, False)
    ] * 2
    assert table.column_names == ["model", "exact_match", "rouge_l", "judge", "loss"]
    assert table["judge"].to_pylist() == [0.25, 0.25]
    assert record["judge"]["ungraded"] == 0
    assert (record["examples"], record["of"]) == (5, 8)
    assert KEY not in json.dumps([rows, record])
