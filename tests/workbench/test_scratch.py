"""Temporary folders of processes that were killed go; those of the living, and of nobody knows whom, stay."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import scratch
from workbench.hooks.leftovers import LeftoverHooks
from workbench.scratch import private_folder, private_path, sweep_the_dead

MAKE = """
import sys
from pathlib import Path
from workbench.scratch import private_folder, private_path
with private_folder("look") as one:
    Path(one, "rows").write_text("a person's")
    private_path("source")
    print("made", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    short = tmp_path / "short"
    short.mkdir()
    monkeypatch.setattr(scratch, "SHORT", str(short))
    return folder


def test_what_a_killed_process_left_is_swept_by_the_next_run(temporary: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"made\n"
    folders = set(temporary.iterdir())
    assert len(folders) == 2
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}
    assert sweep_the_dead() == [], "it lives"
    assert set(temporary.iterdir()) == folders
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not waited for: its id is taken yet
    LeftoverHooks().before_pipeline_run({"env": "clients/acme", "project_path": str(tmp_path)})
    assert list(temporary.iterdir()) == []
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_what_is_not_surely_of_the_dead_stays(temporary: Path) -> None:
    mine = private_path("mine")
    began, namespace = mine.name.split("-")[2].split(".")[1:]
    dead = 2**22 + 1  # more than any id (proc(5), pid_max)
    kept = [
        temporary / f"workbench-look-{dead}.{began}.1{namespace}-aaaa",  # another container's
        temporary / "workbench-old",
        temporary / f"workbench-look-{dead}.{began}-aaaa",
        temporary / f"else-look-{dead}.{began}.{namespace}-aaaa",
    ]
    for path in kept:
        path.mkdir()
    link = temporary / f"workbench-look-{dead}.{began}.{namespace}-link"
    link.symlink_to(kept[0])
    again = temporary / f"workbench-look-{os.getpid()}.1{began}.{namespace}-aaaa"  # this id, of a process of before
    gone = temporary / f"workbench-look-{dead}.{began}.{namespace}-aaaa"
    for path in (again, gone):
        path.mkdir()
    assert set(sweep_the_dead()) == {again, gone}
    assert all(path.exists() for path in (*kept, link, mine))


def test_what_lies_elsewhere_for_a_short_path_is_swept_too(temporary: Path) -> None:
    mine = private_path("zygote", scratch.SHORT)
    began, namespace = mine.name.split("-")[2].split(".")[1:]
    gone = mine.with_name(f"workbench-zygote-{2**22 + 1}.{began}.{namespace}-aaaa")
    gone.mkdir()
    assert sweep_the_dead() == [gone]
    assert mine.exists()
    assert list(temporary.iterdir()) == []


def test_the_block_ends_it(temporary: Path) -> None:
    with private_folder("rows") as folder:
        assert Path(folder).parent == temporary
    assert list(temporary.iterdir()) == []


def test_every_folder_says_whose_it_is() -> None:
    """But those that have a reason: a place that is told, or a folder beside its destination."""
    makes = re.compile(r"tempfile\.(?:mkdtemp|TemporaryDirectory)\(")
    source = Path(scratch.__file__).parent
    found = {
        path.relative_to(source).as_posix() for path in source.rglob("*.py") if makes.search(path.read_text("utf-8"))
    }
    assert found == {
        "fleet/proof.py",
        "handover/arrival.py",
        "scratch.py",
        "sources/opening.py",
    }
