"""A bit that flips in a file, without a trace in its size or time, is found; so is what somebody wrote, or took away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.client import client
from workbench.fleet.integrity import verify


def invoke(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(client, ["verify", "clinic", *arguments], obj=SimpleNamespace(project_path=project))


def flip(path: Path) -> None:
    """One bit in the middle; size, time and inode stay."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as stream:
        stream.write(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ino) == (stat.st_size, stat.st_ino)


@pytest.mark.slow
@pytest.mark.integration
def test_a_flipped_bit_is_found(project: Path, kedro: Callable[..., Any]) -> None:
    assert "no run has left anything yet" in invoke(project).output
    kedro(project, "run", "--env", "clients/clinic", "--pipelines", "ingest,prepare")
    whole = invoke(project)
    assert whole.exit_code == 0, whole.output
    assert "files and folders are as its runs left them" in whole.output
    data = project / "data/clinic"
    flip(data / "01_raw/samples.parquet")
    flip(data / "03_primary/primary.parquet")
    (data / "04_feature/features.json").write_text("{}")
    (data / "08_reporting/ingest.json").unlink()
    result = invoke(project, "--json")
    assert result.exit_code == 1
    assert {one["path"]: one["state"] for one in json.loads(result.stdout)["wrong"]} == {
        "data/clinic/01_raw": "damaged",
        "data/clinic/03_primary/primary.parquet": "damaged",
        "data/clinic/04_feature/features.json": "changed",
        "data/clinic/08_reporting/ingest.json": "missing",
    }
    assert {one.state for one in verify(project, "clinic")} == {"whole", "damaged", "changed", "missing"}
