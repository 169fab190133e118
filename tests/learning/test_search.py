"""A search tries settings within its budget, gives up what is behind, and goes on after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.networks import TabMSpec
from workbench.learning.search import Search, TrialReport, search
from workbench.learning.search.journal import journal
from workbench.learning.search.study import JOURNAL

SPEC = TabMSpec(members=2, width=16, blocks=1, bins=4, embedding=2)
SHORT = TrainConfig(epochs=4, patience=1)


@pytest.fixture
def look(make_table: Callable, make_columns: Callable) -> Callable[..., Search]:
    """``look(trials, folder, ...)`` on 400 rows."""
    train, validation = make_table("binary", 400, 1), make_table("binary", 300, 2)

    def run(trials: int, folder: Path | None = None, **named: Any) -> Search:
        config = named.pop("config", SHORT)
        return search(train, validation, make_columns("binary"), config, SPEC, trials=trials, folder=folder, **named)

    return run


def told(found: Search) -> list[tuple[Any, ...]]:
    return [(trial.state, trial.setting, trial.losses) for trial in found.trials]


def test_the_defaults_come_first_and_the_best_trial_is_what_comes_out(look: Callable) -> None:
    heard: list[TrialReport] = []
    found = look(6, on_trial=heard.append)
    assert [trial.number for trial in heard] == list(range(6))
    first = found.trials[0].setting
    assert (first["learning_rate"], first["dropout"], first["width"]) == (0.002, SPEC.dropout, SPEC.width)
    assert len({str(trial.setting) for trial in found.trials}) == 6
    complete = {trial.number: trial.value for trial in found.trials if trial.state == "complete"}
    assert found.best == min(complete, key=complete.get)
    best = found.trials[found.best]
    assert (found.config.learning_rate, found.config.network.width) == (
        best.setting["learning_rate"], best.setting["width"],
    )  # fmt: skip
    assert (found.config.budget_seconds, found.config.epochs) == (SHORT.budget_seconds, SHORT.epochs)


def test_the_best_setting_trains_to_what_its_trial_came_to(
    look: Callable, make_table: Callable, make_columns: Callable
) -> None:
    found = look(3)
    again = fit(make_table("binary", 400, 1), make_table("binary", 300, 2), make_columns("binary"), found.config)
    assert min(report.validation_loss for report in again.history) == found.trials[found.best].value


def test_a_trial_that_is_behind_is_given_up(look: Callable) -> None:
    found = look(14, config=replace(SHORT, epochs=8, patience=8))
    given_up = [trial for trial in found.trials if trial.state == "pruned"]
    assert given_up
    assert min(trial.number for trial in given_up) >= 4
    assert all(2 <= len(trial.losses) < 8 for trial in given_up)


def test_the_same_search_finds_the_same(look: Callable) -> None:
    assert told(look(5)) == told(look(5))


def test_the_budget_is_shared_and_kept(look: Callable) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    found = look(50, budget_seconds=20.0, clock=clock)
    assert 1 <= len(found.trials) < 50
    assert now[0] < 30
    assert len(look(5, budget_seconds=1e-9).trials) == 1


class Killed(Exception):
    pass


@pytest.mark.parametrize("torn", [pytest.param(b"", marks=pytest.mark.slow), b'{"op_code":5,"tri'])
def test_a_search_goes_on_where_it_was(torn: bytes, look: Callable, tmp_path: Path) -> None:
    """Broken off between two trials; also in the middle of a line."""

    def stop(report: TrialReport) -> None:
        if report.number == 2:
            raise Killed

    with pytest.raises(Killed):
        look(6, tmp_path, on_trial=stop)
    with (tmp_path / JOURNAL).open("ab") as stream:
        stream.write(torn)
    heard: list[int] = []
    found = look(6, tmp_path, on_trial=lambda report: heard.append(report.number))
    assert heard == [3, 4, 5]
    assert told(found) == told(look(6))
    assert not (tmp_path / JOURNAL).exists()


def test_a_trial_that_was_killed_in_its_middle_is_made_again(
    look: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.learning import trainer

    calls, real = [], trainer.fit

    def dies(*given: Any, **named: Any) -> Any:
        calls.append(given[3])
        if len(calls) == 3:
            raise Killed
        return real(*given, **named)

    monkeypatch.setattr(trainer, "fit", dies)
    with pytest.raises(Killed):
        look(5, tmp_path)
    found = look(5, tmp_path)
    assert calls[2] == calls[3]
    assert [trial.state for trial in found.trials].count("fail") == 1
    finished = [row for row in told(found) if row[0] != "fail"]
    assert finished == told(look(5))


def test_other_rows_are_another_search(
    look: Callable, make_table: Callable, make_columns: Callable, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        look(3, tmp_path, on_trial=lambda _: (_ for _ in ()).throw(Killed))
    rows = make_table("binary", 400, 5)
    found = search(rows, rows, make_columns("binary"), SHORT, SPEC, trials=2, folder=tmp_path)
    assert len(found.trials) == 2


def test_a_loss_that_is_not_a_number_ends_a_trial_and_not_the_search(
    look: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.learning import trainer

    calls, real = [], trainer.fit

    def fails(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise ModelError("the training loss became nan with a learning rate of 0.01")
        return real(*given, **named)

    monkeypatch.setattr(trainer, "fit", fails)
    found = look(3)
    assert [trial.state for trial in found.trials] == ["complete", "fail", "complete"]
    assert found.best in (0, 2)


def test_what_no_setting_would_change_is_an_error(look: Callable) -> None:
    rows = pa.table({"n": [1.0, 2.0], "y": [1, 1]})
    with pytest.raises(ModelError, match="one class only"):
        search(rows, rows, Columns("binary", "y", ("n",), ()), SHORT, SPEC, trials=2)


PROGRAM = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from workbench.learning import Columns, TrainConfig
from workbench.learning.networks import TabMSpec
from workbench.learning.search import search
x = np.random.default_rng(0).normal(size=400)
rows = pa.table({"n": x, "y": (x > 0).astype(int)})
search(rows, rows, Columns("binary", "y", ("n",), ()), TrainConfig(epochs=3), TabMSpec(members=2, width=8, blocks=1),
       trials=1000, folder=Path(sys.argv[1]), on_trial=lambda report: print(report.number, flush=True))
"""


@pytest.mark.slow
@pytest.mark.integration
def test_kill_9_at_any_moment_leaves_a_study_that_goes_on(tmp_path: Path) -> None:
    heard: list[int] = []
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        heard += [int(process.stdout.readline()) for _ in range(2)]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert heard == sorted(set(heard))
    assert heard[2] > heard[1]
    states = [trial.state.name for study in journal(tmp_path / JOURNAL).get_all_studies()
              for trial in journal(tmp_path / JOURNAL).get_all_trials(study._study_id)]  # fmt: skip
    assert states.count("COMPLETE") >= 4
