from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from kedro.io import DatasetError

from workbench.datasets.models import EpochListener, ModelFolder
from workbench.datasets.progress import LiveMetrics
from workbench.learning import Columns, EpochReport, TabularModel, TrainConfig, fit
from workbench.learning.networks import ResNetSpec
from workbench.registry.store import open_store

ROWS = pa.table({"n": np.linspace(0, 1, 80), "y": [0] * 40 + [1] * 40})


@pytest.fixture(scope="module")
def model() -> TabularModel:
    config = TrainConfig(epochs=2, network=ResNetSpec(width=8, blocks=1, bins=4))
    return fit(ROWS, ROWS, Columns("binary", "y", ("n",), ()), config)


def report(epoch: int, *, epochs: int = 60, last: bool = False) -> EpochReport:
    return EpochReport(
        epoch,
        epochs,
        1 / epoch,
        2 / epoch,
        "roc_auc",
        0.5 + epoch / 1000,
        best=True,
        stopped="patience" if last else None,
    )


def test_a_model_is_saved_and_loaded(model: TabularModel, tmp_path: Path) -> None:
    dataset = ModelFolder(filepath=str(tmp_path / "models" / "candidate"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="does not exist"):
        dataset.load()
    dataset.save(model)
    assert dataset.exists()
    assert np.array_equal(dataset.load().predict(ROWS), model.predict(ROWS))


def test_a_model_that_was_changed_is_not_loaded(model: TabularModel, tmp_path: Path) -> None:
    dataset = ModelFolder(filepath=str(tmp_path / "candidate"))
    dataset.save(model)
    (tmp_path / "candidate" / "model.json").write_text("{}")
    with pytest.raises(DatasetError, match="model.json was changed"):
        dataset.load()


def test_a_writer_that_was_killed_between_two_renames_loses_nothing(model: TabularModel, tmp_path: Path) -> None:
    dataset = ModelFolder(filepath=str(tmp_path / "candidate"))
    dataset.save(model)
    (tmp_path / "candidate").rename(tmp_path / ".staging-old-candidate")
    assert np.array_equal(dataset.load().predict(ROWS), model.predict(ROWS))


def test_a_listener_is_read_only() -> None:
    with pytest.raises(DatasetError, match="read only"):
        EpochListener().save("anything")


def test_without_a_terminal_a_few_lines_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    listener = EpochListener().load()
    with caplog.at_level(logging.INFO):
        for epoch in range(1, 31):
            listener(report(epoch, last=epoch == 30))
    spoken = [int(record.getMessage().split()[1]) for record in caplog.records]
    assert spoken == [1, 2, 5, 10, 20, 30]
    assert caplog.records[0].getMessage() == (
        "epoch 1 of at most 60: training loss 1.0000, validation loss 2.0000, roc_auc 0.5010"
    )


def test_on_a_terminal_there_is_a_bar_which_is_put_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    listener = EpochListener().load()
    listener(report(1))
    assert listener._bar is not None
    listener(report(2, last=True))
    assert listener._bar is None
    listener.close()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "2/60" in shown.err
    assert "validation loss 1.0000" in shown.err
    assert not caplog.records


def test_a_listener_that_is_closed_early_puts_its_bar_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    listener = EpochListener().load()
    listener(report(1))
    progress = listener._bar[0]
    listener.close()
    assert progress.finished is False
    assert progress.live.is_started is False


@pytest.fixture
def store(tmp_path: Path):
    """A real store with an active run; everything global is put back."""
    store = open_store(tmp_path)
    import mlflow

    with mlflow.start_run(experiment_id=store.experiment("clinic")) as run:
        yield store.api, run.info.run_id
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def test_each_epoch_s_numbers_reach_the_active_run(store, monkeypatch: pytest.MonkeyPatch) -> None:
    client, run_id = store
    sent = []
    original = type(client).log_batch
    monkeypatch.setattr(
        type(client), "log_batch", lambda self, run, metrics: (sent.append(len(metrics)), original(self, run, metrics))
    )
    listener = EpochListener().load()
    for epoch in range(1, 41):
        listener(report(epoch, last=epoch == 40))
    assert sent[0] == 3  # the first at once, so that the page in the browser is not empty
    assert len(sent) < 10
    for name, value in {"train_loss": 1 / 40, "validation_loss": 2 / 40, "validation_roc_auc": 0.54}.items():
        history = sorted(client.get_metric_history(run_id, name), key=lambda metric: metric.step)
        assert [metric.step for metric in history] == list(range(1, 41))
        assert history[-1].value == pytest.approx(value)


def test_a_trial_is_a_run_below_the_active_one(store) -> None:
    from workbench.learning.search import TrialReport

    client, run_id = store
    client.set_tag(run_id, "process", "here/1")
    listener = EpochListener().load()
    listener.trial(TrialReport(0, "complete", {"width": 64, "dropout": 0.1}, 0.4, (0.6, 0.4, 0.5), 2.0))
    listener.trial(TrialReport(1, "fail", {"width": 32, "dropout": 0.2}, None, (), 1.0))
    experiment = client.get_run(run_id).info.experiment_id
    below = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'", order_by=["tags.trial"])
    assert [run.info.run_name for run in below] == ["trial 0", "trial 1"]
    assert [run.info.status for run in below] == ["FINISHED", "FAILED"]
    assert below[0].data.params == {"width": "64", "dropout": "0.1"}
    assert below[0].data.metrics["lowest_validation_loss"] == 0.4
    assert below[0].data.tags["process"] == "here/1"
    history = client.get_metric_history(below[0].info.run_id, "validation_loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(1, 0.6), (2, 0.4), (3, 0.5)]
    assert "lowest_validation_loss" not in client.get_run(run_id).data.metrics


def test_a_store_that_refuses_ends_no_training(store, caplog: pytest.LogCaptureFixture) -> None:
    client, run_id = store
    client.delete_run(run_id)  # a deleted run takes no metrics
    listener = EpochListener().load()
    for epoch in range(1, 4):
        listener(report(epoch, last=epoch == 3))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no live metrics: MLflow refused them" in warnings[0]
    client.restore_run(run_id)


def test_without_a_run_nothing_is_sent_or_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "mlflow" or name.startswith("mlflow.")]:
        monkeypatch.delitem(sys.modules, name)
    live = LiveMetrics()
    live.add(report(1))
    live.flush()
    assert "mlflow" not in sys.modules
