"""The program in ``docs/learning.md`` runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

PAGE = Path(__file__).parents[2] / "docs" / "learning.md"


def flights(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    distance = random.random(rows)
    late = (distance + random.normal(size=rows) * 0.1 > 0.5).astype(np.int8)
    return pa.table(
        {"distance": distance, "temp": random.random(rows), "carrier": ["AA", "UA"] * (rows // 2), "late": late}
    )


def test_the_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {"train": flights(100, 1), "validation": flights(60, 2), "test": flights(40, 3), "folder": tmp_path / "m"}
    exec(program.replace("budget_seconds=60", "budget_seconds=60, epochs=2"), names)
    assert (tmp_path / "m" / "manifest.json").exists()
