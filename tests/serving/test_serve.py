"""``kedro serve`` follows the champion; what cannot be served is one sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import ClientRegistry
from workbench.serving.__main__ import main, parsed
from workbench.serving.following import Located, follow, left_out, start

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_another_champion_is_served_and_a_broken_one_is_not(
    tmp_path: Path, saved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nobody's business on loopback
    monkeypatch.setenv("no_proxy", "")
    client = ClientRegistry(ROOT).load("clinic").model_copy(update={"id": "tiny"})
    versions = {int(name): Located(int(name), one.folder, one.sha256) for name, one in saved.items()}
    versions[5] = Located(5, tmp_path / "nothing", saved["3"].sha256)
    now = [3]
    child = start(client, versions[3], tmp_path, tmp_path / "log.jsonl", host="127.0.0.1", port=0)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    codes: list[int] = []
    follower = threading.Thread(
        target=lambda: codes.append(follow(child, versions[3], lambda: now[0], lambda: versions[now[0]]))
    )
    follower.start()

    def until(reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for _ in range(200):
            with direct.open(f"{child.address}/v2/health/status", timeout=5) as answer:
                status = json.load(answer)
            if reached(status):
                return status
            time.sleep(0.05)
        pytest.fail(f"not reached: {status}")

    try:
        assert set(child.example()["instances"][0]) == {"slope", "wave", "constant", "empty", "kind", "void"}
        now[0] = 4
        until(lambda status: status["traffic"] == {"4": 100})
        now[0] = 5
        status = until(lambda status: status["last_error"] is not None)
        assert status["traffic"] == {"4": 100}
        assert "there is no model" in status["last_error"]["message"]
    finally:
        child.stop()
        follower.join(20)
    assert codes == [0]
    assert json.loads((tmp_path / "settings.json").read_text())["port"] == 8080


def test_keys_and_what_is_personal_are_left_out_of_the_log() -> None:
    assert left_out(ClientRegistry(ROOT).load("tradewinds")) == [
        "c_address", "c_name", "c_phone", "line_number", "order_key",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        ([], {}, "there is nothing to serve"),
        (["--traffic", "x", "--artifact", "y"], {}, "both say what is served"),
        (["--artifact", "x", "--sha256", "abc"], {}, "64 hexadecimal"),
        (["--artifact", "x", "--name", "a/b"], {}, "cannot be a model's name"),
        (["--artifact", "x"], {"AIP_HTTP_PORT": "web"}, "AIP_HTTP_PORT"),
        (["--artifact", "x"], {"AIP_PREDICT_ROUTE": "predict"}, "is no route"),
        (["--artifact", "x"], {"WORKBENCH_SERVING": '{"limits": {"rows": 0}}'}, "limits.rows"),
        (["--artifact", "x"], {"WORKBENCH_SERVING": "{"}, "is not JSON"),
        (["--artifact", "x"], {"WORKBENCH_MODEL_VERSION": "../3"}, "cannot be a version's name"),
        (["--artifact", "x", "--settings", "/nowhere"], {}, "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    arguments: list[str], environ: dict[str, str], said: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("Error: ")
    assert told.count("\n") == 1


def test_variables_of_vertex_ai() -> None:
    environ = {
        "AIP_HTTP_PORT": "8123", "AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p", "AIP_STORAGE_URI": "gs://b/m",
    }  # fmt: skip
    options = parsed(["--host", "0.0.0.0"], environ)
    assert (options.host, options.port, options.health_route, options.predict_route) == ("0.0.0.0", 8123, "/h", "/p")
    assert options.source.versions["1"].artifact == "gs://b/m"
    assert parsed(["--artifact", "x"], environ | {"AIP_HTTP_PORT": "1"}).source.versions["1"].artifact == "x"


def test_a_port_in_use_and_a_model_that_is_not_there(tmp_path: Path, saved: Any, capsys: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--artifact", str(saved["3"].folder), "--port", str(port)]) == 1
    assert f"port {port} of 127.0.0.1 is in use. Next: take another one" in capsys.readouterr().err
    assert main(["--artifact", str(tmp_path), "--port", "0"]) == 1
    assert "there is no model in" in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path, saved: Any) -> None:
    """The parent is killed, and cannot say goodbye."""
    ready = tmp_path / "ready.json"
    server = [sys.executable, "-m", "workbench.serving", "--artifact", str(saved["3"].folder), "--port", "0"]
    server += ["--with-parent", "--ready-file", str(ready)]
    code = f"import subprocess, time; subprocess.Popen({server!r}); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if ready.exists():
                break
            time.sleep(0.05)
        pid = json.loads(ready.read_text())["pid"]
    finally:
        parent.kill()
        parent.wait()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it lives on")


@pytest.mark.slow
def test_kedro_serve_answers_what_score_wrote(clinic_copy: Path) -> None:
    import pyarrow.parquet as pq

    command = [sys.executable, "-m", "kedro", "serve", "--env", "clients/clinic", "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=clinic_copy, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            told = json.loads(process.stdout.readline())
            assert (told["client"], told["version"]) == ("clinic", 1)
            features = pq.read_table(clinic_copy / "data/clinic/04_feature/features.parquet").to_pylist()
            body = json.dumps({"instances": features}).encode()
            request = urllib.request.Request(f"{told['address']}/predict", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                predictions = json.load(answer)["predictions"]
        finally:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    written = pq.read_table(clinic_copy / "data/clinic/07_model_output/predictions.parquet")
    assert [row["prediction"] for row in predictions] == written["prediction"].to_pylist()
    for row, odds in zip(predictions, written["probability"].to_pylist(), strict=True):
        assert abs(row["probability"] - odds) < 1e-6
    log = clinic_copy / "data/clinic/07_model_output/serving/predictions.jsonl"
    assert "sample_id" not in log.read_text()


@pytest.mark.slow
def test_kedro_serve_says_what_to_type(project: Path, kedro: Any) -> None:
    for arguments, said in (
        (["serve"], "a server needs a client. Next: `kedro serve --env clients/clinic`"),
        (["serve", "--env", "clients/clinic"], "client clinic has no champion"),
        (["serve", "--env", "clients/clinik"], "clinic"),
    ):
        done = kedro(project, *arguments, check=False)
        assert done.returncode == 1
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
