"""One opening of one table, in a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.engines import connection
from workbench.sources import Opening


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Opening(
        client="acme", table="people", project=tmp_path, scratch=scratch, connection=connection(), scale_factor=0.001
    )
