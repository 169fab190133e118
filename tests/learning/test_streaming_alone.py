"""Streamed trainings in processes of their own: how much memory they take, and that a kill does no harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMON = """
import json, sys, threading, time
from pathlib import Path
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning import loop, tensors  # torch, before anything is measured
from workbench.learning.networks import ResNetSpec, TabMSpec
from workbench.learning.streaming import ParquetRows
from workbench.learning.streaming import opening
import pyarrow.parquet as pq, pyarrow.compute, pyarrow.dataset, torch
"""

MEASURED = (
    COMMON
    + """
def kilobytes(name):  # not getrusage: what that says begins with the parent's peak
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

file, memory, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
numeric = [name for name in pq.ParquetFile(file).schema_arrow.names if name.startswith("x")]
columns = Columns("binary", "y", tuple(numeric), ("k",))
names = [*columns.features, columns.target]
rows = [ParquetRows(file, names, ("fold", fold), read_ahead=1 << 20) for fold in ("train", "validation")]
config = TrainConfig(epochs=1, device="cpu", memory_bytes=memory, network=ResNetSpec(width=8, blocks=1, bins=4, embedding=2))
small = ParquetRows(Path(sys.argv[4]), names, ("fold", "train"), read_ahead=1 << 20)
fit(small, small, columns, config)  # what is loaded once is loaded
Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here
before = kilobytes("VmRSS")
tables = rows if how == "streamed" else [part.table() for part in rows]
model = fit(*tables, columns, config)
print(json.dumps({
    "kilobytes": kilobytes("VmHWM") - before, "auc": model.history[-1].value,
}))
"""
)

KILLED = (
    COMMON
    + """
work, name = Path(sys.argv[1]), sys.argv[2]
columns = Columns("binary", "y", ("x0", "x1"), ("k",))
names = [*columns.features, columns.target]
rows = [ParquetRows(work / "rows.parquet", names, ("fold", fold)) for fold in ("train", "validation")]
config = TrainConfig(
    epochs=4, learning_rate=6e-3, averaging=0.95, device="cpu", memory_bytes=96 << 10,
    network=TabMSpec(members=3, width=16, bins=8, embedding=3),
)
print(0, flush=True)
model = fit(*rows, columns, config, lambda report: print(report.epoch, flush=True), folder=work / name / "training")
model.save(work / name / "model")
"""
)

TOGETHER = (
    COMMON
    + """
import os
rank = int(os.environ.get("RANK", "0"))
columns = Columns("binary", "y", ("x0", "x1"), ())
names = [*columns.features, columns.target]
rows = [ParquetRows(Path(sys.argv[1]), names, ("fold", fold)) for fold in ("train", "validation")]
network = TabMSpec(members=3, width=16, bins=8, embedding=3, dropout=0.0)
# The second process has more memory, and would cut the rows into fewer parts.
config = TrainConfig(epochs=2, device="cpu", memory_bytes=(64 << 10) << 2 * rank, batch_size=64, half=False, network=network)
history = fit(*rows, columns, config).history
Path(sys.argv[2], f"{rank}.json").write_text(json.dumps([report.validation_loss for report in history]))
"""
)


def write(path: Path, rows: int, columns: int, group: int, page: int = 1 << 20) -> int:
    """A file with a target that follows from two columns; its rows' size in memory."""
    random = np.random.default_rng(0)
    numbers = {f"x{at}": random.normal(size=rows) for at in range(columns)}
    kinds = random.choice(["a", "b", "c"], rows)
    y = (numbers["x0"] + (kinds == "a") + random.normal(size=rows) * 0.3 > 0.5).astype(np.int8)
    fold = np.where(np.arange(rows) % 5 == 0, "validation", "train")
    table = pa.table({**numbers, "k": kinds, "y": y, "fold": fold})
    pq.write_table(table, path, row_group_size=group, data_page_size=page, use_dictionary=["k", "fold"])
    return int(table.nbytes)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One heap for all: what an allocator keeps of freed memory, for each thread anew, is not what is measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=False, timeout=240, env=environment,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(("group", "page"), [(4_000, 1 << 20), (10**7, 1 << 16)], ids=["many groups", "one group"])
def test_a_table_larger_than_the_limit_is_learned_within_it(group: int, page: int, tmp_path: Path) -> None:
    size, limit = write(tmp_path / "rows.parquet", 700_000, 24, group, page), 64 << 20
    write(tmp_path / "small.parquet", 12_000, 24, 1_000)
    assert size > 2 * limit
    found = {}
    for how in ("streamed", "loaded"):
        done = run(MEASURED, str(tmp_path / "rows.parquet"), str(limit), how, str(tmp_path / "small.parquet"))
        assert done.returncode == 0, done.stderr
        found[how] = json.loads(done.stdout)
    assert found["streamed"]["kilobytes"] << 10 < limit, found
    assert found["loaded"]["kilobytes"] << 10 > 2 * limit, found
    assert found["streamed"]["auc"] == pytest.approx(found["loaded"]["auc"], abs=0.01)


@pytest.mark.slow
@pytest.mark.integration
def test_kill_9_and_the_same_call_again_end_at_the_same_bits(tmp_path: Path, make_table: Callable) -> None:
    """Kills in the pass over the rows, in the middle of epochs, and right after a checkpoint."""
    write(tmp_path / "rows.parquet", 6_000, 2, 130)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    done = run(KILLED, str(tmp_path), "whole")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "1", "2", "3", "4"]
    told: list[str] = []
    for lines in (1, 2, 2):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), "killed"], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        told.append([child.stdout.readline().strip() for _ in range(lines)][-1])
        time.sleep(0.05)
        child.kill()
        assert child.wait() in (-signal.SIGKILL, 0)
        child.stdout.close()
    done = run(KILLED, str(tmp_path), "killed")
    assert done.returncode == 0, done.stderr
    assert "0" == told[0] < told[1] < told[2], "it began again"
    whole, killed = ((tmp_path / name / "model" / "manifest.json").read_bytes() for name in ("whole", "killed"))
    assert killed == whole
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["model"]


@pytest.mark.slow
@pytest.mark.integration
def test_two_processes_with_unlike_memory_have_the_loss_curve_of_one(tmp_path: Path) -> None:
    write(tmp_path / "rows.parquet", 2_400, 2, 100)
    (tmp_path / "one").mkdir()
    (tmp_path / "program.py").write_text(TOGETHER)
    done = run(TOGETHER, str(tmp_path / "rows.parquet"), str(tmp_path / "one"))
    assert done.returncode == 0, done.stderr
    starting = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*starting, str(tmp_path / "program.py"), str(tmp_path / "rows.parquet"), str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, first, second = (json.loads((tmp_path / name).read_text()) for name in ("one/0.json", "0.json", "1.json"))
    assert first == second
    assert first == pytest.approx(one, rel=1e-4)
