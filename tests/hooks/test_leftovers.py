"""What a killed run left half-written, and the next run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.hooks.leftovers import LeftoverHooks

HALF = ".staging-0123-half"


def plant(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HALF).write_text("half")
    return folder / HALF


def test_a_clients_own_layers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    mine = [
        plant(tmp_path / name) for name in ("data/acme", "data/acme/03_primary", "models/acme", "models/acme/training")
    ]
    others = [
        plant(tmp_path / name) for name in ("data/acme_2/01_raw", "data/acme/00_landing", "data/acme/reports/weekly")
    ]
    (tmp_path / "data/acme/.staging-old-01_raw").mkdir()
    (tmp_path / "data/acme/.staging-old-01_raw/whole").write_text("old")
    LeftoverHooks().before_pipeline_run({"env": "clients/acme", "project_path": str(tmp_path)})
    assert [path for path in mine if path.exists()] == []
    assert [path for path in others if not path.exists()] == []
    assert (tmp_path / "data/acme/01_raw/whole").read_text() == "old", "a folder that was put aside is put back"
    LeftoverHooks().before_pipeline_run({"env": "base", "project_path": str(tmp_path)})


@pytest.mark.slow
@pytest.mark.integration
def test_a_run_begins_with_it(project: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    half = plant(project / "data" / "clinic" / "03_primary")
    kedro(project, "run", "--env", "clients/clinic", "--pipelines", "ingest")
    assert not half.exists()
