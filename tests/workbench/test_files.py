"""Durable writes, and what is left of them when the writer is killed at any step."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from workbench.files import (
    durable_file,
    durable_folder,
    recover_folder,
    sha256_of_file,
    sha256_of_folder,
    sweep,
    write_text,
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "new")
    assert (tmp_path / "deep" / "a.txt").read_text() == "new"
    assert names(tmp_path / "deep") == {"a.txt"}


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), durable_file(tmp_path / "a.txt") as staging:
        staging.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == {"a.txt"}


def test_a_folder_changes_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    for content in ({"a": "1", "b": "2"}, {"b": "3"}):
        with durable_folder(folder) as staging:
            for name, text in content.items():
                (staging / name).write_text(text)
        assert {path.name: path.read_text() for path in folder.iterdir()} == content
    assert names(tmp_path) == {"tables"}


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    with durable_folder(folder) as staging:
        (staging / "a").write_text("old")
    with pytest.raises(RuntimeError), durable_folder(folder) as staging:
        (staging / "a").write_text("half")
        raise RuntimeError
    assert (folder / "a").read_text() == "old"
    assert names(tmp_path) == {"tables"}


KILLED_AT = ["write", "fsync", "rename", "second rename"]


@pytest.mark.parametrize("step", KILLED_AT)
def test_a_folder_writer_killed_at_any_step_leaves_one_whole_version(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "tables"
    with durable_folder(folder) as staging:
        (staging / "a").write_text("old")
        (staging / "b").write_text("old")
    script = textwrap.dedent(
        f"""
        import os, signal, pathlib
        from workbench.files import durable_folder
        kill = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        renames = []
        def rename(self, target, real=pathlib.Path.rename):
            renames.append(self)
            if ({step!r}, len(renames)) in (("rename", 1), ("second rename", 2)):
                kill()
            return real(self, target)
        pathlib.Path.rename = rename
        if {step!r} == "fsync":
            os.fsync = kill
        with durable_folder(pathlib.Path({str(folder)!r})) as staging:
            (staging / "a").write_text("new")
            if {step!r} == "write":
                kill()
            (staging / "b").write_text("new")
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    recover_folder(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "old", "b": "old"}


def test_a_full_disk_is_an_error_and_leaves_no_rest(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import pathlib, resource, signal
        from workbench.files import write_text
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_text(pathlib.Path({str(tmp_path / "a.txt")!r}), "x" * 10_000)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "File too large" in done.stderr
    assert names(tmp_path) == set()


def test_digests_tell_content_and_names_apart(tmp_path: Path) -> None:
    for folder, files in {"one": {"a": "1"}, "two": {"b": "1"}, "three": {"a": "2"}, "four": {"a": "1"}}.items():
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text)
    digest = {folder: sha256_of_folder(tmp_path / folder) for folder in ("one", "two", "three", "four")}
    assert digest["one"] == digest["four"]
    assert len(set(digest.values())) == 3
    assert sha256_of_file(tmp_path / "one" / "a") == sha256_of_file(tmp_path / "two" / "b")


def test_sweep_removes_what_dead_writers_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("x")
    (tmp_path / ".staging-1234-a.txt").write_text("half")
    (tmp_path / ".staging-5678-b").mkdir()
    (tmp_path / ".staging-5678-b" / "half").write_text("half")
    (tmp_path / ".staging-old-c").mkdir()
    (tmp_path / ".staging-old-c" / "whole").write_text("old")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "kept.txt"]
    assert (tmp_path / "c" / "whole").read_text() == "old"
    sweep(tmp_path / "nowhere")
