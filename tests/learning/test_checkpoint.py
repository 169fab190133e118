"""A training that is killed goes on, and ends at the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from workbench.learning import EpochReport, TabularModel, TrainConfig, fit
from workbench.learning.networks import TabMSpec

SMALL = TabMSpec(members=3, width=16, bins=8, embedding=3)
EPOCHS = 6

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
import pyarrow.parquet as pq
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning import loop, tensors  # torch, before the first fork
from workbench.learning.networks import TabMSpec

work = Path(sys.argv[1])
tables = [pq.read_table(work / name) for name in ("train.parquet", "validation.parquet")]
columns = Columns("binary", "y", ("slope", "wave"), ("kind",))
config = TrainConfig(
    epochs=4, learning_rate=6e-3, averaging=0.95, device="cpu",
    network=TabMSpec(members=3, width=16, bins=8, embedding=3),
)

def start(name):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            model = fit(*tables, columns, config, folder=work / name / "training")
            model.save(work / name / "model")
            code = 0
        finally:
            os._exit(code)
    return child

def epochs():
    try:
        return len(json.loads((work / "killed" / "training" / "checkpoint" / "state.json").read_text())["history"])
    except (OSError, ValueError):
        return 0

began = time.monotonic()
assert os.waitpid(start("whole"), 0)[1] == 0
whole, kills = time.monotonic() - began, []
for share in (0.05, 0.4, "writing", 0.4, "writing"):
    child, until = start("killed"), time.monotonic() + 10
    if share == "writing":
        while time.monotonic() < until and not list((work / "killed" / "training").glob(".staging-*")):
            pass
    else:
        time.sleep(share * whole)
    os.kill(child, signal.SIGKILL)
    kills.append((os.waitpid(child, 0)[1], epochs()))
assert os.waitpid(start("killed"), 0)[1] == 0
print(json.dumps(kills))
"""


class Killed(BaseException):
    """Stands for a process that is no more."""


def bits(model: TabularModel) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.network.state_dict().values()]


def killing(epoch: int) -> Callable[[EpochReport], None]:
    def listen(report: EpochReport) -> None:
        if report.epoch == epoch:
            raise Killed

    return listen


@pytest.fixture
def call(
    make_table: Callable, make_columns: Callable, quick: TrainConfig, tmp_path: Path
) -> Callable[..., TabularModel]:
    """``call(on_epoch, **changes)``: the same training each time."""
    tables = make_table("binary", 400, 1), make_table("binary", 200, 2)
    config = replace(quick, epochs=EPOCHS, network=SMALL)

    def run(
        on_epoch: Callable | None = None, folder: Path | None = tmp_path / "training", **changes: object
    ) -> TabularModel:
        return fit(*tables, make_columns("binary"), replace(config, **changes), on_epoch, folder=folder)  # type: ignore[arg-type]

    return run


@pytest.mark.slow
@pytest.mark.integration
def test_kill_9_at_any_moment_and_the_same_call_again_end_at_the_same_bits(
    make_table: Callable, tmp_path: Path
) -> None:
    """Five kills of real processes: before the first step, in the middle of epochs, and in the middle of writes."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    pq.write_table(make_table("binary", 1500, 1), tmp_path / "train.parquet")
    pq.write_table(make_table("binary", 500, 2), tmp_path / "validation.parquet")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    assert signal.SIGKILL in {code for code, _ in kills}, "every training was over before it was killed"
    whole, killed = ((tmp_path / name / "model" / "manifest.json").read_bytes() for name in ("whole", "killed"))
    assert killed == whole
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["model"]


@pytest.mark.parametrize("at", [1, 3, EPOCHS - 1])
def test_it_goes_on_after_the_last_whole_epoch(at: int, call: Callable, tmp_path: Path) -> None:
    whole = call(folder=None)
    with pytest.raises(Killed):
        call(killing(at))
    told: list[int] = []
    again = call(lambda report: told.append(report.epoch))
    assert told == list(range(at + 1, EPOCHS + 1))
    assert bits(again) == bits(whole)
    assert [report.to_dict() for report in again.history] == [report.to_dict() for report in whole.history]
    assert not (tmp_path / "training").exists()


def test_the_seconds_before_a_crash_count_towards_the_budget(call: Callable, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        call(killing(2))
    used = json.loads((tmp_path / "training" / "checkpoint" / "state.json").read_text())["seconds"]
    again = call(budget_seconds=used)
    assert [report.stopped for report in again.history] == [None, None, "budget"]
    assert again.history[-1].seconds > used


@pytest.mark.parametrize("changes", [{"seed": 18}, {"learning_rate": 1e-3}, {"network": TabMSpec(members=2, width=16)}])
def test_another_training_s_checkpoint_is_left_alone(
    changes: dict, call: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed):
        call(killing(2))
    other = call(**changes)
    assert "is of another training" in caplog.text
    assert bits(other) == bits(call(folder=None, **changes))


def test_a_checkpoint_holds_more_epochs_of_the_same_training_to_another_budget(call: Callable) -> None:
    """The budget is the machine's: whoever gives more time goes on, and does not begin again."""
    with pytest.raises(Killed):
        call(killing(2), budget_seconds=1000)
    told: list[int] = []
    call(lambda report: told.append(report.epoch), budget_seconds=2000)
    assert told[0] == 3


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_not_used(
    name: str, call: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed):
        call(killing(2))
    path = tmp_path / "training" / "checkpoint" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    again = call()
    assert "cannot be used" in caplog.text
    assert bits(again) == bits(call(folder=None))


def test_nothing_in_a_checkpoint_is_a_pickle_and_it_holds_all_that_counts(call: Callable, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        call(killing(2))
    folder = tmp_path / "training" / "checkpoint"
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "state.json", "state.safetensors"]
    from safetensors.torch import load

    names = load((folder / "state.safetensors").read_bytes())
    assert {name.partition("/")[0] for name in names} == {"weights", "average", "best", "optimizer", "random"}
    assert {name.rpartition("/")[2] for name in names if name.startswith("optimizer")} == {
        "step",
        "exp_avg",
        "exp_avg_sq",
    }
    assert np.isfinite(json.loads((folder / "state.json").read_text())["best"][0])
    assert names["random/cpu"].dtype == torch.uint8
