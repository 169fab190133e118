"""An image holds neither git nor a repository, and its ledger may be that of a machine with both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.errors import ConfigurationError
from workbench.fleet import again, proof


@pytest.fixture(autouse=True)
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_two_runs_differ_by_their_commits_and_no_file_is_named(tmp_path: Path) -> None:
    one, other = (SimpleNamespace(git_commit=commit * 40) for commit in "ab")
    found: list[Any] = list(proof._of_code(tmp_path, one, other))
    assert [(it.kind, it.name, it.before, it.after) for it in found] == [("code", "commit", "a" * 40, "b" * 40)]


def test_a_run_cannot_be_run_again_and_a_sentence_says_why(tmp_path: Path) -> None:
    plan = again.Rerun(7, "clinic", "__default__", None, "c0ffee" * 6, ())
    with pytest.raises(ConfigurationError, match="no git here") as caught, again._clone(tmp_path, plan, keep=False):
        pass
    assert "run 7" in str(caught.value)
    assert not (tmp_path / ".workbench/reruns/7").exists()
