"""A client whose table memory does not hold, from its file to its report, by ``kedro run`` as a person types it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.registry.store import open_store

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROWS = 20_000
CLIENT = """
id: depot
title: Depot
owner: ann@agency.example
sources: {orders: {kind: parquet, path: data/depot/00_landing/orders.parquet}}
key: [id]
target: late
task: binary
recipe: auto
segments: [carrier]
metric: {name: roc_auc}
budgets: {train_seconds: 120}
"""
STREAMED = "train.memory_mb=2,train.epochs=2,evaluate.bootstrap=20"


@pytest.fixture(autouse=True)
def _forget_the_store() -> Iterator[None]:
    yield
    import mlflow

    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


@pytest.fixture
def depot(project: Path) -> Path:
    """A project with one more client: eight numbers and a category, some of which say most of the target."""
    random = np.random.default_rng(5)
    numbers = {f"x{at}": random.normal(size=ROWS) for at in range(8)}
    carrier = random.choice(["road", "rail", "ship"], ROWS)
    signal = 1.5 * numbers["x0"] + numbers["x1"] * (carrier == "rail") + random.normal(size=ROWS)
    landing, conf = project / "data/depot/00_landing", project / "conf/clients/depot"
    for folder in (landing, conf):
        folder.mkdir(parents=True)
    table = {"id": np.arange(ROWS), **numbers, "carrier": carrier, "late": (signal > 0).astype(np.int64)}
    pq.write_table(pa.table(table), landing / "orders.parquet")
    (conf / "client.yml").write_text(CLIENT)
    return project


def left(project: Path, name: str) -> Any:
    return json.loads((project / "data/depot/08_reporting" / name).read_text())


def test_it_is_streamed_from_training_to_report(
    depot: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    first = kedro(depot, "run", "--env", "clients/depot", "--params", STREAMED)
    said = first.stdout + first.stderr
    assert "the table is streamed" in said
    assert "boosting and linear models learn from" in said

    with (depot / "data/depot/08_reporting/candidates.csv").open() as lines:
        candidates = {row["model"]: row for row in csv.DictReader(lines)}
    network, linear = candidates["network"], candidates["linear"]
    assert network["learned_rows"] == network["training_rows"]
    assert network["judged_rows"] == network["validation_rows"]
    assert int(linear["learned_rows"]) < int(linear["training_rows"]) == int(network["learned_rows"])
    assert int(linear["judged_rows"]) < int(linear["validation_rows"])

    evaluation = left(depot, "evaluation.json")
    held = pq.read_table(depot / "data/depot/07_model_output/holdout_predictions.parquet")
    assert evaluation["rows"] == held.num_rows > 2_500
    assert {"network", "boosting", "linear", "majority"} <= set(evaluation["models"])
    assert evaluation["models"]["network"]["roc_auc"]["value"] > 0.8
    verdict = left(depot, "verdict.json")
    assert (verdict["decision"], verdict["champion_version"]) == ("promoted", 1)
    store = open_store(depot)
    run = store.api.get_run(verdict["run_id"])
    assert run.data.metrics["learned_rows.linear"] == int(linear["learned_rows"])
    assert run.data.metrics["judged_rows.linear"] == int(linear["judged_rows"])
    assert run.data.metrics["validation_rows"] == int(linear["validation_rows"])
    assert not (depot / "models/depot/training").exists(), "the checkpoints of a training that ended are gone"
    predicted = pq.read_metadata(depot / "data/depot/07_model_output/predictions.parquet")
    assert predicted.num_rows == ROWS

    page = (depot / "data/depot/08_reporting/model_card.html").read_text()
    shown = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.split("</head>")[1])))
    assert "Not every model was given all rows." in shown
    some, every = (f"{int(linear[part]):,}" for part in ("learned_rows", "training_rows"))
    assert f"Linear model {some} of {every} rows" in shown
    assert left(depot, "model_card.tables/samples.json")[0]["model"] in candidates

    # Another model of the same rows is held against the champion, a batch at a time.
    again = f"{STREAMED},train.seed=18"
    kedro(depot, "run", "--pipelines", "train,evaluate,register", "--env", "clients/depot", "--params", again)
    second = left(depot, "verdict.json")
    assert second["version"] == 2
    assert second["champion"]["value"] == pytest.approx(verdict["challenger"], abs=1e-6)
