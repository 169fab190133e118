"""A model answers in the kind of table that it was asked with, row for row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.registry.answers import answer
from workbench.registry.holdout import Features
from workbench.registry.models import Champion


@pytest.fixture
def rows(features: Features) -> pa.Table:
    """In no order, so that one that is lost shows."""
    table = features.table.to_pyarrow()
    return table.take(np.random.default_rng(0).permutation(table.num_rows))


def as_polars(rows: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(rows)
    assert isinstance(found, pl.DataFrame)
    return found


KINDS: dict[str, tuple[Any, Any]] = {
    "arrow": (lambda rows: rows, lambda found: found),
    "chunks": (lambda rows: pa.concat_tables([rows.slice(0, 7), rows.slice(7)]), lambda found: found),
    "batch": (lambda rows: rows.combine_chunks().to_batches()[0], lambda found: pa.Table.from_batches([found])),
    "pandas": (lambda rows: rows.to_pandas(), lambda found: pa.Table.from_pandas(found, preserve_index=False)),
    "polars": (as_polars, lambda found: found.to_arrow()),
    "lazy": (lambda rows: as_polars(rows).lazy(), lambda found: found.collect().to_arrow()),
    "ibis": (ibis.memtable, lambda found: found.to_pyarrow()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_comes_back_in_the_same_order(kind: str, network: Any, rows: pa.Table) -> None:
    make, read = KINDS[kind]
    given = make(rows)
    found = answer(network, given, keep=["sample_id"])
    assert type(found) is type(given)
    table = read(found)
    assert table.column_names == ["sample_id", "prediction", "probability"]
    assert table["sample_id"].to_pylist() == rows["sample_id"].to_pylist()
    said = network.predict(rows)
    np.testing.assert_allclose(table["probability"].to_numpy(), said, rtol=1e-6)
    assert table["prediction"].to_pylist() == (said >= 0.5).astype(int).tolist()
    alone = read(answer(network, given))
    assert alone.column_names == ["prediction", "probability"]
    empty = {"ibis": lambda: given.limit(0)}.get(kind, lambda: given[:0])() if kind != "batch" else given.slice(0, 0)
    assert read(answer(network, empty, keep=["sample_id"])).num_rows == 0


def test_a_pandas_frame_keeps_its_index_and_its_types(network: Any, rows: pa.Table) -> None:
    frame = rows.to_pandas().assign(site=lambda f: f["site"].astype("category")).set_index("sample_id")
    frame["when"] = pd.Timestamp("2026-01-01", tz="Europe/Zurich")
    found = answer(network, frame, keep=["when", "site"])
    assert found.index.equals(frame.index)
    assert found[["when", "site"]].equals(frame[["when", "site"]])
    assert list(found.columns) == ["when", "site", "prediction", "probability"]
    assert "prediction" not in frame.columns
    np.testing.assert_allclose(found["probability"], network.predict(rows), rtol=1e-6)


def test_a_stream_that_can_be_read_once_is_read_once(network: Any, rows: pa.Table) -> None:
    reader = rows.to_reader(max_chunksize=50)
    found = answer(network, reader, keep=["sample_id"])
    assert isinstance(found, pa.Table)
    assert found["sample_id"].to_pylist() == rows["sample_id"].to_pylist()


def test_an_expression_of_the_client_s_engine_is_answered(network: Any, features: Features) -> None:
    some = features.table.filter(features.table.radius > 0).order_by("sample_id")
    found = answer(network, some, keep=["sample_id"])
    assert found.to_pyarrow()["sample_id"].to_pylist() == some.to_pyarrow()["sample_id"].to_pylist()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_classes_have_names_and_values_have_intervals(task: str, retrain: Any, tmp_path: Path) -> None:
    features, model = retrain(tmp_path, task=task)
    frame = features.table.to_pandas()
    if task == "multiclass":
        found = answer(model, frame)
        assert set(found["prediction"]) <= {"benign", "unclear", "malignant"}
        assert found["probability"].between(1 / 3, 1).all()
        return
    found = answer(model, frame, coverage=0.8)
    assert list(found.columns) == ["prediction", "low", "high"]
    assert 0.7 < frame["malignant"].between(found["low"], found["high"]).mean() < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_is_named_with_the_nearest(kind: str, network: Any, rows: pa.Table) -> None:
    wrong = rows.rename_columns({"radius": "Radius_"})
    with pytest.raises(ModelError, match="no column 'radius' .*rename 'Radius_', if that is it"):
        answer(network, KINDS[kind][0](wrong))
    with pytest.raises(ModelError, match="no column 'key'"):
        answer(network, KINDS[kind][0](rows), keep=["key"])


def test_what_is_no_table_and_what_cannot_be_kept_is_refused(network: Any, rows: pa.Table) -> None:
    with pytest.raises(ModelError, match="a builtins dict is no table"):
        answer(network, rows.to_pydict())
    with pytest.raises(ModelError, match="'prediction' cannot be kept"):
        answer(network, rows.append_column("prediction", rows["radius"]), keep=["prediction"])
    mixed = rows.to_pandas().astype({"radius": object})
    mixed.loc[0, "radius"] = "wide"
    with pytest.raises(ModelError, match="column"):
        answer(network, mixed)


def test_the_champion_is_asked_in_one_line(network: Any, rows: pa.Table) -> None:
    champion = Champion("clinic", 1, "run", "sha", network)
    found = champion.predict(rows.to_pandas(), keep="sample_id")
    assert list(found.columns) == ["sample_id", "prediction", "probability"]
