"""Records are appended whole, by several writers at once, and after writers that were killed."""

from __future__ import annotations

import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import audit
from workbench.audit.log import Lines, read_head
from workbench.errors import Busy, ConfigurationError

WRITER = """
import sys
from pathlib import Path
from workbench import audit
project, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("up", flush=True)
for number in range(count):
    audit.record(project, "thing.done", client=name, number=number)
"""


def writer(project: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(project), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def test_a_record_says_who_did_what_to_whom_and_no_argument(tmp_path: Path) -> None:
    audit.record(tmp_path, "client.added", client="acme", rows=3, note="x" * 1000)
    (entry,) = audit.entries(tmp_path)
    assert (entry.seq, entry.action, entry.client, entry.pid) == (1, "client.added", "acme", os.getpid())
    assert entry.facts == {"rows": 3, "note": "x" * 300}
    assert "@" in entry.user
    assert " " not in entry.command
    assert entry.at.endswith("+00:00")
    assert audit.verify(tmp_path).ok


def test_a_project_without_a_log_is_whole(tmp_path: Path) -> None:
    assert audit.verify(tmp_path).ok
    assert list(audit.entries(tmp_path)) == []


def test_writers_at_once_share_one_chain(tmp_path: Path) -> None:
    writers = [writer(tmp_path, name, 100) for name in ("alpha", "beta", "gamma")]
    assert [one.communicate(timeout=60) and one.returncode for one in writers] == [0, 0, 0]
    found = list(audit.entries(tmp_path))
    assert [entry.seq for entry in found] == list(range(1, 301))
    for name in ("alpha", "beta", "gamma"):
        assert [entry.facts["number"] for entry in found if entry.client == name] == list(range(100))
    assert audit.verify(tmp_path).ok


def test_writers_killed_at_random_moments_leave_a_log_that_holds(tmp_path: Path) -> None:
    chance = random.Random(5)
    for round_ in range(8):
        one = writer(tmp_path, f"round_{round_}", 1_000_000)
        assert one.stdout.readline() == "up\n"
        time.sleep(chance.uniform(0.0, 0.05))
        one.send_signal(signal.SIGKILL)
        one.wait(30)
        one.stdout.close()
        verdict = audit.verify(tmp_path)
        assert verdict.ok, verdict
    audit.record(tmp_path, "thing.done")
    assert audit.verify(tmp_path).head == read_head(tmp_path)


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_torn_line_is_told_and_the_next_record_says_so(tmp_path: Path, kept: int) -> None:
    for number in range(3):
        audit.record(tmp_path, "thing.done", number=number)
    path = Lines.path(tmp_path)
    whole = path.read_bytes().splitlines(keepends=True)
    before = read_head(tmp_path)
    audit.record(tmp_path, "thing.done", number=3)
    last = path.read_bytes().splitlines(keepends=True)[-1]
    path.write_bytes(b"".join(whole) + last[:kept])  # as the kill leaves it: the head had not moved
    path.with_name("audit.head").write_text(f'{{"count": {before.count}, "sha256": "{before.sha256}"}}\n')
    is_whole = kept == -1  # only the end of the line is missing
    assert (audit.verify(tmp_path).ok, audit.verify(tmp_path).torn) == (True, 0 if is_whole else 1)

    audit.record(tmp_path, "thing.done", number=4)
    entry = list(audit.entries(tmp_path))[-1]
    assert (entry.torn is None) == is_whole
    verdict = audit.verify(tmp_path)
    assert (verdict.ok, verdict.torn, verdict.head.count) == (True, 0 if is_whole else 1, 5 if is_whole else 4)


def test_a_full_disk_is_one_sentence_and_what_was_there_holds(tmp_path: Path) -> None:
    audit.record(tmp_path, "thing.done")
    size = Lines.path(tmp_path).stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
    try:
        with pytest.raises(ConfigurationError, match="the audit log cannot be written"):
            audit.record(tmp_path, "thing.done")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert (audit.verify(tmp_path).ok, audit.verify(tmp_path).torn) == (True, 1)
    audit.record(tmp_path, "thing.done")
    assert (audit.verify(tmp_path).ok, audit.verify(tmp_path).head.count) == (True, 2)


def test_a_log_that_is_held_too_long_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.audit.log._WAIT_SECONDS", 0.05)
    audit.record(tmp_path, "thing.done")
    holder = (
        "import fcntl,sys,time; f=open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    head = Lines.path(tmp_path).with_name("audit.head")
    with subprocess.Popen([sys.executable, "-c", holder, head], stdout=subprocess.PIPE) as one:
        one.stdout.readline()
        with pytest.raises(Busy, match="held the audit log"):
            audit.record(tmp_path, "thing.done")
        one.kill()


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.head"])
def test_a_link_in_its_place_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / ".workbench").mkdir()
    (tmp_path / ".workbench" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        audit.record(tmp_path, "thing.done")
    assert not (tmp_path / "elsewhere").exists()


def test_an_erased_client_leaves_its_id_and_the_chain_holds(tmp_path: Path) -> None:
    for client in ("acme", "acme_2", "acme"):
        audit.record(tmp_path, "client.added", client=client, source=f"{client}-confidential")
    head = audit.verify(tmp_path).head
    assert audit.erase(tmp_path, "acme") == 3  # with the record of the erasure itself
    text = Lines.path(tmp_path).read_text()
    assert "acme-confidential" not in text
    assert "acme_2-confidential" in text
    assert [entry.client for entry in audit.entries(tmp_path)] == ["acme", "acme_2", "acme", "acme"]
    verdict = audit.verify(tmp_path, [head])
    assert (verdict.ok, verdict.erased) == (True, 3)
    audit.record(tmp_path, "client.added", client="acme", source="again")
    assert audit.verify(tmp_path).ok
    assert stat.S_IMODE(Lines.path(tmp_path).stat().st_mode) & 0o022 == 0
