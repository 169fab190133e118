"""Who watches over workers: one that dies is replaced, one that cannot come up keeps nobody waiting, all end at last."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

SOURCE = Path(__file__).with_name("small_server.py")


class Small:
    """The server, and the folder that says what its workers do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "python").symlink_to(sys.executable)
        self.log = folder / "log.txt"
        with self.log.open("wb") as log:
            environment = {**os.environ, "SMALL_SERVER": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
            self.process = subprocess.Popen([sys.executable, str(SOURCE)], env=environment, stderr=log)

    def up(self) -> None:
        self.until(lambda: (self.folder / "ready.json").exists() and len(self.workers()) == 2)

    def workers(self) -> list[int]:
        """Their ids, in the order of their places, as far as they live."""
        found = {}
        for one in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it has ended meanwhile
                words = one.cmdline()
                if "--worker" in words and one.status() != psutil.STATUS_ZOMBIE:
                    found[words[words.index("--worker") + 1].split(",")[0]] = one.pid
        return [found[place] for place in sorted(found)]

    def say(self, name: str) -> Path:
        path = self.folder / name
        path.touch()
        return path

    def asked(self, times: int = 30) -> set[str]:
        """Who answers so many connections, each within a moment."""
        port = json.loads((self.folder / "ready.json").read_text())["port"]
        answers = set()
        for _ in range(times):
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                answers.add(connection.recv(10).decode())
        return answers

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def until(self, reached: Callable[[], bool], seconds: float = 20) -> None:
        ends = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < ends, self.log.read_text()
            time.sleep(0.02)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    made = Small(tmp_path)
    yield made
    made.end()


def test_one_that_cannot_come_up_again_keeps_nobody_waiting(small: Small) -> None:
    small.up()
    assert small.asked() == {"0", "1"}
    fails = small.say("fails-0")
    os.kill(small.workers()[0], signal.SIGKILL)
    small.until(lambda: small.said("worker 1 ended with exit code 3, and could not come up; it is tried again later"))
    assert small.asked() == {"1"}
    fails.unlink()
    small.until(lambda: len(small.workers()) == 2)
    small.until(lambda: small.asked() == {"0", "1"})
    assert small.said("worker 1 ended with exit code -9, and is started again")
    small.process.send_signal(signal.SIGTERM)
    assert small.process.wait(10) == 0


def test_when_nobody_can_come_up_any_more_the_server_ends(small: Small) -> None:
    small.up()
    for place, pid in enumerate(small.workers()):
        small.say(f"fails-{place}")
        os.kill(pid, signal.SIGKILL)
    assert small.process.wait(20) == 3


@pytest.mark.slow
def test_a_stop_does_not_ask_who_was_dead_before(small: Small) -> None:
    small.up()
    small.say("fails-0")
    os.kill(small.workers()[0], signal.SIGKILL)
    small.until(lambda: small.said("tried again later"))
    small.process.send_signal(signal.SIGTERM)
    assert small.process.wait(10) == 0


@pytest.mark.slow
def test_a_hangup_does_not_end_one_that_is_on_its_way_up(small: Small) -> None:
    small.up()
    waits, began = small.say("waits-0"), small.folder / "began-0"
    began.unlink()
    os.kill(small.workers()[0], signal.SIGKILL)
    small.until(began.exists)
    small.process.send_signal(signal.SIGHUP)
    small.until((small.folder / "looked-1").exists)
    coming = small.workers()[0]
    waits.unlink()
    small.until(lambda: small.asked() == {"0", "1"})
    assert small.workers()[0] == coming
    assert small.log.read_text().count("ended with exit code") == 1


def test_one_that_hangs_at_a_stop_is_killed(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    small = Small(tmp_path)
    try:
        small.up()
        workers = small.workers()
        small.process.send_signal(signal.SIGTERM)
        assert small.process.wait(10) == 128 + signal.SIGKILL
        assert small.said("what does not end 0.3 seconds after it was asked to is killed")
        assert not any(psutil.pid_exists(pid) for pid in workers)
    finally:
        small.end()


@pytest.mark.slow
def test_a_process_that_cannot_be_started_is_no_end_of_the_others(small: Small) -> None:
    """As when memory is short: the system starts none."""
    small.up()
    (small.folder / "python").unlink()
    first, second = small.workers()
    os.kill(first, signal.SIGKILL)
    small.until(lambda: small.said("worker 1 cannot be started (No such file or directory)"))
    assert small.asked() == {"1"}
    assert small.workers() == [second]
    (small.folder / "python").symlink_to(sys.executable)
    small.until(lambda: len(small.workers()) == 2)
    small.until(lambda: small.asked() == {"0", "1"})


def test_one_that_is_killed_before_the_first_is_ready_ends_the_server(tmp_path: Path) -> None:
    (tmp_path / "waits-1").touch()
    small = Small(tmp_path)
    try:
        small.until((tmp_path / "began-1").exists)
        os.kill(small.workers()[-1], signal.SIGKILL)
        assert small.process.wait(10) == 128 + signal.SIGKILL
    finally:
        small.end()
