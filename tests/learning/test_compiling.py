"""A compiled training: decided by what it repays, replayed after a crash, done without where there is no compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workbench.learning import Columns, EpochReport, TabularModel, TrainConfig, fit
from workbench.learning.compiling import ASSUMED, Figures, epochs_to_come, known_figures, note_figures
from workbench.learning.networks import TabMSpec

CONFIG = TrainConfig(
    epochs=4, learning_rate=6e-3, compile="on", device="cpu", network=TabMSpec(members=2, width=16, bins=4, embedding=2)
)
COLUMNS = Columns("binary", "y", ("slope", "wave"), ("kind",))


def test_it_is_repaid_only_by_what_is_left_and_with_a_margin() -> None:
    figures = Figures(seconds=10, gain=2)  # half of what is left is saved
    assert figures.repaid(41)
    assert not figures.repaid(39)
    assert not Figures(seconds=10, gain=1.0).repaid(1e9)
    assert not Figures(seconds=10, gain=0.5).repaid(1e9)


def test_a_training_is_expected_to_go_on_as_long_as_it_has_and_for_its_patience() -> None:
    assert epochs_to_come(epoch=1, best=1, patience=6, most=200) == 6
    assert epochs_to_come(epoch=20, best=19, patience=6, most=200) == 20
    assert epochs_to_come(epoch=2, best=1, patience=6, most=4) == 2


def test_what_was_measured_is_known_to_the_next_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert known_figures("H200, tabm") == ASSUMED
    note_figures("H200, tabm", Figures(12.0, 1.5))
    note_figures("H200, resnet", Figures(9.0, 1.1))
    assert known_figures("H200, tabm") == Figures(12.0, 1.5)
    (tmp_path / "workbench/compiling.json").write_text('{"H200, tabm": {"seconds": "many"')
    assert known_figures("H200, tabm") == ASSUMED
    note_figures("H200, tabm", Figures(12.0, 1.5))
    assert known_figures("H200, tabm") == Figures(12.0, 1.5)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workbench").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    note_figures("H200, tabm", Figures(12.0, 1.5))
    assert known_figures("H200, tabm") == ASSUMED


PROGRAM = f"""
import logging, sys
import pyarrow.parquet as pq
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.networks import TabMSpec

logging.basicConfig(format="%(message)s")
table = pq.read_table(sys.argv[1])
model = fit(table, table, {COLUMNS!r}, {replace(CONFIG, epochs=2, budget_seconds=600)!r})
print([report.validation_loss for report in model.history])
"""


@pytest.mark.slow
@pytest.mark.integration
def test_where_there_is_no_compiler_a_line_says_so_and_training_goes_on(make_table: Callable, tmp_path: Path) -> None:
    table = make_table("binary", 200, 1)
    pq.write_table(table, tmp_path / "table.parquet")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "table.parquet")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "CXX": "/nowhere/g++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor")},
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("the training is not compiled")]
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr
    eager = fit(table, table, COLUMNS, replace(CONFIG, epochs=2, compile="off"))
    assert json.loads(done.stdout) == [report.validation_loss for report in eager.history]


class Killed(BaseException):
    """Stands for a process that is no more."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # the compiler's own
def test_a_compiled_training_learns_the_same_and_goes_on_to_the_same_bits(
    make_table: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tables = make_table("binary", 400, 1), make_table("binary", 200, 2)
    whole = fit(*tables, COLUMNS, CONFIG)
    assert "not compiled" not in caplog.text
    eager = fit(*tables, COLUMNS, replace(CONFIG, compile="off"))
    assert [report.validation_loss for report in whole.history] == pytest.approx(
        [report.validation_loss for report in eager.history], rel=0.2
    )
    assert bits(whole) != bits(eager), "it was not compiled at all"

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(*tables, COLUMNS, CONFIG, kill, folder=tmp_path / "training")
    assert json.loads((tmp_path / "training/checkpoint/state.json").read_text())["compiled"] is True
    assert bits(fit(*tables, COLUMNS, CONFIG, folder=tmp_path / "training")) == bits(whole)


def bits(model: TabularModel) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.network.state_dict().values()]  # type: ignore[attr-defined]
