"""Versions are swapped, and servers stopped, while requests come on real connections; none of them is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ConfigurationError
from workbench.serving.traffic import parse_traffic, schedule

pytestmark = pytest.mark.integration

VERTEX = "/v1/endpoints/77/deployedModels/88:predict"


def in_force(digest: str) -> Callable[[dict[str, Any]], bool]:
    return lambda status: status["generation"]["sha256"] == digest


def test_shares_are_exact_and_spread() -> None:
    turns = schedule({"3": 90, "4": 10, "5": 0})
    assert Counter(turns) == {"3": 90, "4": 10}
    assert all("4" in turns[start : start + 11] for start in range(0, 88, 11))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"versions": {"3": {"artifact": "/x"}}, "traffic": {"3": 90}}', "sum to 90"),
        ('{"versions": {"3": {"artifact": "/x"}}, "traffic": {}}', "the shares sum to 0, not to 100"),
        ('{"versions": {"3": {"artifact": "/x"}}, "traffic": {"4": 100}}', "not among the versions"),
        ('{"versions": {"3": {"artifact": "/x"}}, "traffic": {"3": 100.0}}', "valid integer"),
        ('{"versions": {"../3": {"artifact": "/x"}}, "traffic": {"../3": 100}}', "match pattern"),
        ('{"versions": {"3": {"artifact": "/x", "loader": "os.system"}}, "traffic": {"3": 100}}', "not permitted"),
        ('{"versions": {}, "traffic": {}}', "at least 1"),
        ('{"versions": ', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_traffic(content.encode(), "traffic file x")


def test_a_split_a_pin_and_a_change_of_shares(server: Any, write_traffic: Any, saved: Any, row: Any) -> None:
    status = server.until(in_force(write_traffic(server.traffic, v3=90, v4=10)))
    assert status["traffic"] == {"3": 90, "4": 10}
    assert status["versions"]["4"]["sha256"] == saved["4"].sha256
    answered = Counter(server.ask(VERTEX, {"instances": [row]})[2]["x-model-version"] for _ in range(100))
    assert answered == {"3": 90, "4": 10}

    body = {"inputs": [tensor(name, value) for name, value in row.items()]}
    for version in ("3", "4"):
        code, answer, headers = server.ask(f"/v2/models/tiny/versions/{version}/infer", body)
        assert (code, answer["model_version"], headers["x-model-version"]) == (200, version, version)
    assert server.ask("/v2/models/tiny/versions/5/infer", body)[0] == 404

    # A version without a share answers whoever names it, and nobody else.
    server.until(in_force(write_traffic(server.traffic, v3=0, v4=100)))
    assert server.ask("/v2/models/tiny/versions/3/infer", body)[0] == 200
    assert {server.ask(VERTEX, {"instances": [row]})[2]["x-model-version"] for _ in range(20)} == {"4"}


def tensor(name: str, value: Any) -> dict[str, Any]:
    kind = "BYTES" if name in {"kind", "void"} else "FP64"
    return {"name": name, "shape": [1], "datatype": kind, "data": [value]}


def test_what_is_broken_leaves_what_is_in_force(
    server: Any, write_traffic: Any, saved: Any, tmp_path: Path, row: Any
) -> None:
    good = write_traffic(server.traffic, v3=100)
    server.until(in_force(good))
    # One flipped bit; a pickle in its place; nothing there at all.
    flipped = Path(shutil.copytree(saved["4"].folder, tmp_path / "flipped"))
    content = bytearray((flipped / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (flipped / "model.safetensors").write_bytes(content)
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    for artifact, said in (
        (flipped, "not those that were registered"),
        (pickled, "there is no model"),
        (tmp_path / "nothing", "there is no model"),
    ):
        spec = {"artifact": str(artifact), "sha256": saved["4"].sha256}
        server.traffic.write_text(json.dumps({"versions": {"4": spec}, "traffic": {"4": 100}}))
        status = server.until(lambda status, said=said: said in ((status["last_error"] or {}).get("message") or ""))
        assert status["generation"]["sha256"] == good
        assert status["last_error"]["sha256"] == status["seen"] != good
        assert server.ask(VERTEX, {"instances": [row]})[2]["x-model-version"] == "3"
    server.traffic.write_text("{")
    server.until(lambda status: "is not JSON" in (status["last_error"] or {})["message"])
    server.traffic.unlink()
    time.sleep(0.3)
    assert server.ask(VERTEX, {"instances": [row]})[0] == 200
    assert server.ask("/v2/health/ready")[0] == 200
    # The file that is in force comes back: nothing is wrong any more.
    write_traffic(server.traffic, v3=100)
    server.until(lambda status: status["last_error"] is None)


def test_sighup_tries_an_unchanged_file_again(server: Any, saved: Any, tmp_path: Path) -> None:
    late = tmp_path / "late"
    spec = {"artifact": str(late), "sha256": saved["4"].sha256}
    server.traffic.write_text(json.dumps({"versions": {"4": spec}, "traffic": {"4": 100}}))
    server.until(lambda status: status["last_error"] is not None)
    shutil.copytree(saved["4"].folder, late)
    server.process.send_signal(signal.SIGHUP)
    status = server.until(lambda status: status["traffic"] == {"4": 100})
    assert status["last_error"] is None


def test_no_request_is_lost_in_swaps_or_a_stop(
    server: Any, write_traffic: Any, load: Any, row: Any, saved: Any
) -> None:
    write_traffic(server.traffic, v3=100)
    server.until(lambda status: status["traffic"] == {"3": 100})
    clients = load(server.port, json.dumps({"instances": [row] * 3}).encode(), VERTEX)

    async def swap_and_stop() -> None:
        running = asyncio.create_task(clients.run(24))
        await asyncio.sleep(0.3)
        # Each swap loads a version from its files again: it was not there in the generation before.
        for version in ("4", "3", "4"):
            digest = write_traffic(server.traffic, **{f"v{version}": 100})
            await asyncio.to_thread(server.until, in_force(digest))
            before = len(clients.answers)
            while len(clients.answers) < before + 96 and not clients.unanswered:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert {answered for _, answered in clients.answers[before + 48 :]} == {version}
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(running, 20)

    asyncio.run(swap_and_stop())
    assert clients.unanswered == []
    assert {status for status, _ in clients.answers} == {200}
    assert {version for _, version in clients.answers} == {"3", "4"}
    assert clients.closed == 24  # each connection was told that it ends, and none before its answer
    assert server.process.wait(20) == 0
    assert "Traceback" not in server.log()
