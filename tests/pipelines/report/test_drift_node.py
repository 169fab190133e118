"""The node that measures drift: which rows are held against which."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import yaml

from pipelines.report.drift import measure_drift
from pipelines.report.parameters import ReportParameters
from workbench.clients import Client
from workbench.engines import connection
from workbench.errors import ConfigurationError, DataError

ROLES = {"fold": "fold", "time": "when", "target": "y", "task": "binary", "numeric": ["x"], "categorical": ["c"]}


@pytest.fixture
def client() -> Client:
    text = """
        {id: acme, title: Acme, owner: me@acme.example, sources: {t: {kind: csv, path: t.csv}}, key: [id], target: y,
         task: binary, metric: {name: roc_auc}}
    """
    return Client.model_validate(yaml.safe_load(text))


@pytest.fixture
def rows():
    """A hundred days of training, thirty of validation, fifty of test; the last ten are moved."""
    random, days = np.random.default_rng(0), np.repeat(np.arange(180), 20)
    columns = {
        "when": [datetime(2026, 1, 1) + timedelta(days=int(day)) for day in days],
        "fold": np.select([days < 100, days < 130], ["train", "validation"], "test"),
        "x": random.normal(size=3600) + 4 * (days >= 170),
        "c": random.choice(["a", "b"], 3600),
        "y": random.integers(0, 2, 3600),
    }
    return (
        connection().create_table("drift_features", pa.table(columns), overwrite=True),
        connection().create_table(
            "drift_predictions",
            pa.table(
                {n: columns[n] for n in ("when", "fold")} | {"prediction": columns["y"], "probability": columns["x"]}
            ),
            overwrite=True,
        ),
    )


def measure(client, rows, roles=ROLES, **drift):
    return measure_drift(client, *rows, roles, ReportParameters.model_validate({"drift": drift}))


def test_the_test_rows_are_held_against_the_training_rows(client, rows) -> None:
    summary, columns, bins = measure(client, rows)
    assert summary["reference"] == {"rows": 2000, "first": "2026-01-01 00:00:00", "last": "2026-04-10 00:00:00"}
    assert summary["new"]["rows"] == 1000
    assert [(c["role"], c["column"]) for c in columns] == [
        ("prediction", "probability"), ("answer", "y"), ("feature", "x"), ("feature", "c")
    ]  # fmt: skip
    assert {one["role"] for one in bins} == {"prediction", "answer", "feature"}
    assert summary["new_rows"] == "test fold"


def test_predictions_are_held_against_those_of_rows_that_nothing_was_learned_from(client, rows) -> None:
    """A model that has learned its rows by heart is sure of them, and of no others; a season is another matter."""
    features, predictions = (one.filter(one.when < datetime(2026, 6, 1)) for one in rows)
    sure = (predictions.fold == "train").ifelse(predictions.prediction.cast("float64"), predictions.probability)
    learned = predictions.mutate(probability=sure)
    summary, _, _ = measure(client, (features, learned))
    assert (summary["prediction"], summary["prediction_before"]) == ("stable", "validation")
    by_time = client.model_copy(update={"split": client.split.model_copy(update={"by": "time"})})
    summary, _, _ = measure(by_time, (features, learned))
    assert (summary["prediction"], summary["prediction_before"]) == ("drift", "training")


def test_the_last_days_are_those_before_the_newest_row(client, rows) -> None:
    summary, columns, _ = measure(client, rows, days=10)
    assert summary["new"] == {"rows": 200, "first": "2026-06-20 00:00:00", "last": "2026-06-29 00:00:00"}
    assert summary["state"] == summary["prediction"] == "drift"
    assert next(c["mean_now"] for c in columns if c["column"] == "x") == pytest.approx(4, abs=0.2)
    assert summary["new_rows"] == "last 10 days"


def test_limits_are_the_clients_to_set(client, rows) -> None:
    assert measure(client, rows, days=10, watch=50, drift=60)[0]["state"] == "stable"
    assert measure(client, rows, days=10, drift=60)[0]["state"] == "watch"


def test_days_without_a_time_and_sides_without_a_row_are_refused(client, rows) -> None:
    with pytest.raises(ConfigurationError, match="no time column"):
        measure(client, rows, ROLES | {"time": None}, days=3)
    features, predictions = rows
    with pytest.raises(DataError, match="the new rows are none"):
        measure(client, (features.filter(features.fold == "train"), predictions))
