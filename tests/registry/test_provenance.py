"""Digests change with what they stand for, and with nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from workbench.files import sha256_of_path, write_text
from workbench.registry.provenance import code_version, configuration, digest_of_json, flatten


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    for command in (
        ["init", "-q", "-b", "trunk"],
        ["-c", "user.name=x", "-c", "user.email=x@example", "commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_code_version_names_commit_and_branch_and_says_if_something_differs(repository: Path) -> None:
    clean = code_version(repository)
    assert len(clean.commit) == 40
    assert (clean.branch, clean.dirty) == ("trunk", False)
    assert str(clean).endswith(f"+g{clean.commit[:12]}")
    (repository / "new.py").touch()
    assert str(code_version(repository)) == f"{clean}.dirty"


def test_an_image_says_what_it_was_built_from(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = code_version(repository)
    monkeypatch.setenv("WORKBENCH_REVISION", "c0ffee" * 6 + "-dirty")
    found = code_version(tmp_path_factory.mktemp("app"))
    assert (found.commit, found.dirty, found.branch) == ("c0ffee" * 6, True, "")
    assert str(found).endswith("+gc0ffeec0ffee.dirty")
    assert code_version(repository) == here, "a repository knows better"


def test_code_version_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_version(tmp_path).commit == ""
    monkeypatch.setenv("PATH", "")
    assert code_version(tmp_path).commit == ""


def test_the_configuration_ignores_comments_and_shows_defaults_but_no_secret(store_project: Path) -> None:
    parameters = {"train": {"epochs": 3}, "source": {"password": "hunter2"}}
    before = configuration(store_project, "clinic", parameters)
    assert before["client"]["split"]["by"] == "key"
    assert before["schema"] is None or before["schema"]["tables"]
    assert "hunter2" not in str(before)
    with (store_project / "conf/clients/clinic/client.yml").open("a") as stream:
        stream.write("\n# a comment\n")
    assert digest_of_json(configuration(store_project, "clinic", parameters)) == digest_of_json(before)
    parameters["train"]["epochs"] = 4
    assert digest_of_json(configuration(store_project, "clinic", parameters)) != digest_of_json(before)


def test_typed_parameters_are_what_they_stand_for(store_project: Path) -> None:
    class Train(BaseModel):
        epochs: int = 3

    typed, plain = ({"train": value} for value in (Train(), {"epochs": 3}))
    assert configuration(store_project, "clinic", typed) == configuration(store_project, "clinic", plain)


def test_a_digest_is_read_again_only_when_the_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"one")
    first = sha256_of_path(file)
    stamp = file.stat()
    monkeypatch.setattr("workbench.files.sha256_of_file", lambda path: pytest.fail(f"{path} read again"))
    assert sha256_of_path(file) == first
    monkeypatch.undo()
    file.write_bytes(b"two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert sha256_of_path(file) != first


def test_a_clock_that_went_back_hides_no_change(tmp_path: Path) -> None:
    """Of two versions with one size and one time, the second is another file: it was renamed into place."""
    file = tmp_path / "a.parquet"
    write_text(file, "one")
    first, stamp = sha256_of_path(file), file.stat()
    write_text(file, "two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert sha256_of_path(file) != first


def test_a_folders_digest_has_the_names_of_its_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.parquet").write_bytes(b"same")
    assert sha256_of_path(tmp_path / "a") != sha256_of_path(tmp_path / "b")


def test_parameters_are_flat_and_redacted() -> None:
    nested = {
        "train": {"epochs": 60, "device": "auto", "layers": [8, 8], "api_key": "hunter2", "more": {}},
        "seed": None,
    }
    assert flatten(nested) == {
        "train.epochs": "60",
        "train.device": "auto",
        "train.layers": "[8, 8]",
        "train.api_key": "[redacted]",
        "train.more": "{}",
        "seed": "null",
    }
