"""Two processes that share each batch learn what one does that has it whole."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from workbench.errors import ModelError
from workbench.learning import Columns, TabularModel, TrainConfig, fit
from workbench.learning.networks import TabMSpec
from workbench.learning.together import crew

# Without dropout and categories there is no chance within a step; in bfloat16, two halves would be rounded twice.
CONFIG = TrainConfig(
    epochs=4, learning_rate=6e-3, device="cpu", half=False, network=TabMSpec(members=3, width=16, bins=8, dropout=0)
)
COLUMNS = Columns("binary", "y", ("slope", "wave"), ())

PROGRAM = f"""
import json, os, sys
from pathlib import Path
import pyarrow.parquet as pq
from workbench.learning import *
from workbench.learning.networks import TabMSpec

work = Path(sys.argv[1])
tables = [pq.read_table(work / name) for name in ("train.parquet", "validation.parquet")]
told = []
model = fit(*tables, {COLUMNS!r}, {CONFIG!r}, told.append, folder=work / "training")
rank = os.environ["RANK"]
model.save(work / f"model{{rank}}")
(work / f"told{{rank}}.json").write_text(json.dumps([report.to_dict() for report in told]))
""".replace("budget_seconds=inf", "budget_seconds=600")


@pytest.mark.slow
@pytest.mark.integration
def test_two_processes_have_the_loss_curve_of_one_with_the_joint_batch(make_table: Callable, tmp_path: Path) -> None:
    train, validation = make_table("binary", 777, 1), make_table("binary", 300, 2)
    pq.write_table(train, tmp_path / "train.parquet")
    pq.write_table(validation, tmp_path / "validation.parquet")
    (tmp_path / "program.py").write_text(PROGRAM)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, str(tmp_path / "program.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told0.json").read_text())
    alone = fit(train, validation, COLUMNS, CONFIG)
    for curve in ("train_loss", "validation_loss", "value"):
        expected = [getattr(report, curve) for report in alone.history]
        assert [report[curve] for report in told] == pytest.approx(expected, rel=1e-4)
    assert json.loads((tmp_path / "told1.json").read_text()) == []
    first, second = (hashlib.sha256((tmp_path / f"model{rank}" / "model.safetensors").read_bytes()) for rank in (0, 1))
    assert first.digest() == second.digest()
    torch.testing.assert_close(
        torch.from_numpy(TabularModel.load(tmp_path / "model0").predict(validation)),
        torch.from_numpy(alone.predict(validation)),
        rtol=1e-3,
        atol=1e-4,
    )
    assert not (tmp_path / "training").exists()


def test_more_processes_than_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "20")
    with (
        pytest.raises(ModelError, match="20 processes cannot share batches of 32 rows.*start 16 processes at most"),
        crew(torch.device("cpu"), 32),
    ):
        pass
