"""The stage of a run is on its MLflow run."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.clients.layers import STAGE_VARIABLE
from workbench.registry.runs import Starter, start
from workbench.registry.store import open_store


def test_a_run_is_tagged_with_its_stage(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = Starter("train", "session", "process", lambda _: False)
    for stage in ("prod", None):
        monkeypatch.setenv(STAGE_VARIABLE, stage or "")
        run = start(project, "clinic", starter, parameters={}, used=set())
        run.end()
        tags = open_store(project).api.get_run(run.id).data.tags
        assert tags.get("stage") == stage
