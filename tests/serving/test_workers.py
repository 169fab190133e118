"""Several workers behind one address: ready together, swapped and stopped without a lost request, counted as one."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench.errors import ConfigurationError
from workbench.serving.__main__ import parsed
from workbench.serving.board import Board
from workbench.serving.sockets import shared_sockets

pytestmark = pytest.mark.integration

WORKERS = ("--workers", "2")


def predicted(server: Any) -> float:
    """Rows that were predicted, by the metrics of whichever worker answers."""
    text = server.ask("/metrics")[1].decode()
    return sum(
        float(value)
        for value in re.findall(r"^workbench_serving_predicted_rows_total\{.*\} (\S+)$", text, re.MULTILINE)
    )


def shares(server: Any) -> dict[str, float]:
    """What each version gets, by the metrics of whichever worker answers."""
    text = server.ask("/metrics")[1].decode()
    found = re.findall(r'^workbench_serving_traffic_share\{.*version="(\w+)".*\} (\S+)$', text, re.MULTILINE)
    return {version: float(share) for version, share in found}


@pytest.mark.slow
def test_two_workers_swap_and_stop_and_no_request_is_lost(
    start: Any, tmp_path: Path, write_traffic: Any, load: Any, callers: Any, row: Any
) -> None:
    traffic = tmp_path / "traffic.json"
    write_traffic(traffic, v3=100)
    with start(tmp_path / "server", "--traffic", str(traffic), *WORKERS) as server:
        workers = psutil.Process(server.process.pid).children()
        assert len(workers) == 2
        assert server.status()["workers"] == 2
        assert [shares(server) for _ in range(8)] == [{"3": 100.0}] * 8
        body = json.dumps({"instances": [row]}).encode()
        kept, anew = load(server.port, body), callers(server.port, body)

        async def swap_and_stop() -> None:
            running = asyncio.gather(kept.run(12), anew.run(12))
            await asyncio.sleep(0.5)
            digest = write_traffic(traffic, v4=100)
            # Each of them says that it is in force only when all have it.
            await asyncio.to_thread(server.until, lambda status: (status["generation"] or {}).get("sha256") == digest)
            seen, before = len(kept.answers), anew.answers
            while (len(kept.answers) < seen + 60 or anew.answers < before + 30) and not kept.unanswered:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert {version for _, version in kept.answers[seen + 24 :]} == {"4"}
            assert await asyncio.to_thread(shares, server) == {"3": 0.0, "4": 100.0}
            told = await asyncio.to_thread(predicted, server)
            assert before + seen <= told <= len(kept.answers) + anew.answers + 24
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(running, 40)

        asyncio.run(swap_and_stop())
        assert (kept.unanswered, anew.lost) == ([], [])
        assert {status for status, _ in kept.answers} == {200}
        assert (kept.closed, anew.away) == (12, 12)
        assert server.process.wait(20) == 0
        assert not any(worker.is_running() for worker in workers)
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(start: Any, tmp_path: Path, write_traffic: Any, row: Any) -> None:
    traffic = tmp_path / "traffic.json"
    write_traffic(traffic, v3=100)
    with start(tmp_path / "server", "--traffic", str(traffic), *WORKERS) as server:
        body = {"instances": [row]}
        for _ in range(20):
            assert server.ask("/predict", body)[0] == 200
        assert predicted(server) == 20
        first, second = psutil.Process(server.process.pid).children()
        os.kill(first.pid, signal.SIGKILL)
        # A connection that waits for the one that died is answered by the one that takes its place.
        for _ in range(20):
            assert server.ask("/predict", body)[0] == 200
        now = psutil.Process(server.process.pid).children()
        assert len(now) == 2
        assert second in now
        assert predicted(server) == 40
        assert "worker 1 ended with exit code -9, and is started again" in server.log()
        # A file that one of them cannot load is told by all.
        traffic.write_text("{")
        server.until(lambda status: "is not JSON" in (status["last_error"] or {}).get("message", ""))
        # Without who started them, workers end.
        server.process.kill()
        _, alive = psutil.wait_procs(now, timeout=60)
        assert alive == []


@pytest.mark.slow
def test_workers_that_cannot_serve_end_the_server_with_what_they_say(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "workbench.serving", "--artifact", str(tmp_path / "nothing"), "--port", "0"]
    done = subprocess.run([*command, *WORKERS], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "there is no model" in done.stderr


def test_an_address_that_is_taken_is_not_shared_with_strangers() -> None:
    mine = shared_sockets("127.0.0.1", 0, 2)
    try:
        host, port = mine[0].getsockname()
        assert mine[1].getsockname() == (host, port)
        with pytest.raises(ConfigurationError, match=f"port {port} of 127.0.0.1 is in use"):
            shared_sockets(host, port, 2)
    finally:
        for one in mine:
            one.close()


def test_a_board_tells_what_all_have() -> None:
    mine = Board.made(2)
    other = Board(os.dup(mine.descriptor), 2, 1)
    first, second = "ab" * 32, "cd" * 32
    mine.put(ready=True, in_force=first, failed=None)
    assert (mine.ready, mine.came_up, mine.all_up) == (1, False, False)
    other.put(ready=False, in_force=None, failed=first)
    assert (mine.ready, mine.came_up, mine.all_up) == (1, False, True)
    assert (mine.is_up(1), mine.is_ready(1)) == (True, False)
    other.put(ready=True, in_force=second, failed=first)
    assert mine.ready == 2
    assert not mine.all_have(first)
    assert mine.who_failed(first) == 2
    assert mine.who_failed(second) is None
    other.put(ready=True, in_force=first, failed=None)
    assert mine.all_have(first)
    assert mine.who_failed(first) is None
    assert mine.came_up
    mine.clear(1)
    assert not other.is_up(1)
    assert other.came_up  # who is replaced does not count
    assert not mine.all_have(first)
    mine.clear(1, out=True)
    assert mine.all_have(first)  # no connection goes there
    assert (mine.ready, other.is_ready(1), mine.who_failed(first)) == (1, False, None)
    other.close()
    mine.close()


@pytest.mark.parametrize(("arguments", "workers"), [([], 3), (["--workers", "2"], 2)])
def test_a_flag_goes_before_the_settings(arguments: list[str], workers: int) -> None:
    environ = {"WORKBENCH_SERVING": json.dumps({"workers": 3})}
    assert parsed(["--artifact", "x", *arguments], environ).workers == workers
    with pytest.raises(ConfigurationError, match="--worker is not for people"):
        parsed(["--artifact", "x", "--worker", "1"], environ)
    with pytest.raises(SystemExit):
        parsed(["--artifact", "x", "--workers", "0"], environ)
