"""``score``: every row, in order, whatever the size of a batch; and the file says who predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.score.nodes import score_rows
from pipelines.score.parameters import ScoreParameters
from pipelines.score.pipeline import create_pipeline
from workbench.clients import ClientRegistry
from workbench.datasets import ParquetTable
from workbench.engines import connection
from workbench.errors import ModelError
from workbench.learning import Columns
from workbench.registry.models import Champion

ROOT = Path(__file__).parents[3]
CLIENT = ClientRegistry(ROOT).load("clinic")
ROWS = 1000


class Network:
    """Predicts from one column what can be checked by hand; its interface is that of ``TabularModel``."""

    def __init__(self, task: str, classes: tuple[str, ...] | None = None) -> None:
        self.columns = Columns(task, "y", numeric=("x",), categorical=("site",), classes=classes)

    def predict(self, table: pa.Table) -> Any:
        x = table.column("x").to_numpy()
        if self.columns.task == "multiclass":
            return np.stack([x, 1 - x], axis=1)
        return x


def roles(time: str | None = None) -> dict[str, Any]:
    return {"key": ["id"], "time": time, "fold": "fold", "target": "y", "task": "binary"}


@pytest.fixture
def features(tmp_path: Path) -> Any:
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "when": pa.array(np.arange(ROWS), pa.timestamp("us")),
            "fold": np.array(["train", "test"])[np.arange(ROWS) % 2],
            "y": np.zeros(ROWS, np.int8),
            "x": np.linspace(0, 1, ROWS),
            "site": ["a"] * ROWS,
        }
    )
    pq.write_table(table, tmp_path / "features.parquet")
    return connection().read_parquet(tmp_path / "features.parquet")


def champion(network: Network) -> Champion:
    return Champion("clinic", 7, "f" * 32, "a" * 64, network)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_rows", [100, 333, ROWS, 10 * ROWS])
def test_each_row_is_predicted_once_in_order(features: Any, batch_rows: int) -> None:
    parameters = ScoreParameters(batch_rows=batch_rows)
    table = score_rows(CLIENT, champion(Network("binary")), features, roles("when"), parameters)
    assert table.column_names == ["id", "when", "fold", "prediction", "probability"]
    assert table.column("id").to_pylist() == list(range(ROWS))
    assert np.array_equal(table.column("probability").to_numpy(), np.linspace(0, 1, ROWS))
    assert pc.sum(table.column("prediction")).as_py() == ROWS // 2
    assert table.schema.field("prediction").type == pa.int8()


def test_the_file_says_which_version_of_which_run_predicted(features: Any, tmp_path: Path) -> None:
    table = score_rows(CLIENT, champion(Network("binary")), features, roles(), ScoreParameters())
    ParquetTable(filepath=str(tmp_path / "predictions.parquet")).save(table)
    metadata = pq.read_schema(tmp_path / "predictions.parquet").metadata
    assert metadata[b"workbench.client"] == b"clinic"
    assert metadata[b"workbench.model_version"] == b"7"
    assert metadata[b"workbench.run_id"] == b"f" * 32
    assert metadata[b"workbench.model_sha256"] == b"a" * 64


def test_a_regression_has_a_value_and_no_probability(features: Any) -> None:
    table = score_rows(CLIENT, champion(Network("regression")), features, roles(), ScoreParameters())
    assert table.column_names == ["id", "fold", "prediction"]
    assert table.schema.field("prediction").type == pa.float64()


def test_of_several_classes_the_likeliest_is_told(features: Any) -> None:
    network = Network("multiclass", ("low", "high"))
    table = score_rows(CLIENT, champion(network), features, roles(), ScoreParameters(batch_rows=100))
    assert table.column("prediction").to_pylist() == ["high"] * 500 + ["low"] * 500
    assert pc.min(table.column("probability")).as_py() >= 0.5


def test_a_missing_column_is_named(features: Any) -> None:
    with pytest.raises(ModelError, match="champion version 7 reads site, which the features do not have"):
        score_rows(CLIENT, champion(Network("binary")), features.drop("site"), roles(), ScoreParameters())


def test_no_rows_at_all_is_an_error(features: Any) -> None:
    with pytest.raises(ModelError, match="no row to predict"):
        score_rows(CLIENT, champion(Network("binary")), features.limit(0), roles(), ScoreParameters())


def test_the_pipeline_is_one_node_named_and_tagged() -> None:
    (node,) = create_pipeline().nodes
    assert (node.name, node.tags) == ("score_rows", {"score"})
