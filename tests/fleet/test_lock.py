from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import Busy, ConfigurationError
from workbench.fleet import lock as lock_module
from workbench.fleet.lock import ClientLock

HOLD = """
import sys
from pathlib import Path
from workbench.fleet.lock import ClientLock
lock = ClientLock(Path(sys.argv[1]), "skyways")
lock.acquire("train")
print(flush=True)
input()
"""
FORK_AND_DIE = """
import os, sys, time
from pathlib import Path
from workbench.fleet.lock import ClientLock
lock = ClientLock(Path(sys.argv[1]), "skyways")
lock.acquire("train")
child = os.fork()
if child == 0:
    print(flush=True)
    time.sleep(600)
print(child, flush=True)
os._exit(0)
"""


def start(script: str, state: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )


def test_the_second_is_refused_and_told_by_whom_and_since_when(tmp_path: Path) -> None:
    with start(HOLD, tmp_path) as holder:
        holder.stdout.readline()
        waits = threading.Timer(5, holder.kill)
        waits.start()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names, not paths
        with pytest.raises(Busy) as refusal:
            ClientLock(tmp_path, "skyways").acquire("train")
        waits.cancel()
        assert len(os.listdir("/dev/fd")) == before, "who asks again and again has no file open"  # noqa: PTH208
        assert f"client skyways: process {holder.pid} is running pipeline 'train' since 20" in str(refusal.value)
        assert str(refusal.value).endswith(f"`kill {holder.pid}`")
        ClientLock(tmp_path, "tradewinds").acquire("train")  # another client is not concerned
        assert ClientLock(tmp_path, "skyways").is_held()
        # The kernel takes it back, however the holder dies.
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert not ClientLock(tmp_path, "skyways").is_held()
        ClientLock(tmp_path, "skyways").acquire("train")


def test_it_can_be_taken_again_after_release(tmp_path: Path) -> None:
    first, second = ClientLock(tmp_path, "skyways"), ClientLock(tmp_path, "skyways")
    first.acquire("train")
    with pytest.raises(Busy):
        second.acquire("train")
    first.release()
    first.release()
    second.acquire("train")
    second.release()
    assert not first.is_held()
    assert first.path.read_bytes() == b"", "it names nobody who has it no more"


def test_who_only_asks_is_in_nobodys_way(tmp_path: Path) -> None:
    """To ask is to hold it for a moment, shared with others who ask."""
    lock = ClientLock(tmp_path, "skyways")
    lock.path.parent.mkdir()
    lock.path.touch()
    with lock.path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        assert not lock.is_held()
        asked = threading.Timer(0.02, fcntl.flock, [stream, fcntl.LOCK_UN])
        asked.start()
        lock.acquire("train")
        asked.join()
    lock.release()


def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    with start(FORK_AND_DIE, tmp_path) as holder:
        child = int(b"".join(holder.stdout.readline() for _ in range(2)))
        holder.wait()
        try:
            assert not ClientLock(tmp_path, "skyways").is_held()
        finally:
            os.kill(child, signal.SIGKILL)


HOLDERS = st.dictionaries(
    st.sampled_from(["pid", "birth", "since", "pipeline", "more"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-01-01T00:00:00+00:00"),
)


@given(st.binary(max_size=300) | HOLDERS.map(lambda holder: json.dumps(holder).encode()))
def test_whatever_the_file_says_only_the_lock_counts(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(lock_module, "_PAUSE_SECONDS", 0):
        lock = ClientLock(Path(folder), "skyways")
        lock.path.parent.mkdir()
        lock.path.write_bytes(content)
        with lock.path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            with pytest.raises(Busy, match="skyways"):
                lock.acquire("train")
        lock.acquire("train")
        lock.release()


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    lock = ClientLock(tmp_path, "skyways")
    lock.path.parent.mkdir()
    lock.path.write_text("{")
    with lock.path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(Busy, match=re.escape(str(lock.path))):
            lock.acquire("train")


def test_what_the_file_says_is_told_in_few_words(tmp_path: Path) -> None:
    lock = ClientLock(tmp_path, "skyways")
    lock.path.parent.mkdir()
    lock.path.write_text(json.dumps({"pid": 1, "birth": "b", "since": "2026-01-01", "pipeline": "x" * 2000}))
    with lock.path.open("rb") as stream, pytest.raises(Busy, match="process 1 is running") as refusal:
        fcntl.flock(stream, fcntl.LOCK_EX)
        lock.acquire("train")
    assert len(str(refusal.value)) < 300


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    lock = ClientLock(tmp_path, "skyways")
    lock.path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    lock.path.symlink_to(victim)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        lock.acquire("train")
    assert victim.read_text() == "precious"
    assert lock.is_held(), "that it is free cannot be told"
