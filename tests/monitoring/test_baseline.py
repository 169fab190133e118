"""A baseline: the same counts after the rows have gone, and which rows a version knows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.drift import reference
from workbench.drift.measure import Limits, drift_of, drift_since
from workbench.drift.reference import REST, Reference, reference_of
from workbench.engines import connection
from workbench.learning import Columns
from workbench.monitoring import known
from workbench.monitoring.arrow_tables import as_lazy
from workbench.monitoring.baseline import Baseline, baseline_of
from workbench.monitoring.known import Known, fetch_known, sample
from workbench.monitoring.new_rows import Watched, measure_new_rows
from workbench.monitoring.performance import Asked

ROLES: dict[str, Any] = {
    "task": "binary", "target": "y", "classes": None, "key": ["id"], "time": None, "fold": "fold",
    "numeric": ["x"], "categorical": ["c"], "unlabelled_rows": 0,
}  # fmt: skip


class Odds:
    """Takes ``x`` for the probability; its interface is that of ``TabularModel``."""

    columns = Columns("binary", "y", numeric=("x",), categorical=("c",))

    def predict(self, table: pa.Table) -> Any:
        return table.column("x").to_numpy(zero_copy_only=False)


def rows(first: int, last: int, *, low: float = 0.0, high: float = 1.0, turned: bool = False) -> pa.Table:
    """Rows with these ids: ``y`` is as likely as ``x`` says, or just the opposite."""
    random = np.random.default_rng(first)
    x = random.uniform(low, high, last - first)
    yes = random.uniform(size=last - first) < (1 - x if turned else x)
    return pa.table(
        {
            "id": np.arange(first, last),
            "when": pa.array([datetime(2026, 1, 1) + timedelta(hours=i) for i in range(first, last)]),
            "fold": np.array(["train", "train", "validation", "test", "test"])[np.arange(first, last) % 5],
            "x": x,
            "c": random.choice(["a", "b"], last - first),
            "y": yes.astype(np.int8),
        }
    )


def lazy(*parts: pa.Table) -> Any:
    return as_lazy(pa.concat_tables(parts))


def measured(table: Any, roles: dict[str, Any] = ROLES, client: str = "acme", asked: Asked | None = None) -> Any:
    made, digests = baseline_of("acme", Odds(), lazy(rows(0, 1000)), roles)  # type: ignore[arg-type]
    again = Baseline.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False)))
    assert again == made
    watched = Watched(client, Odds(), "roc_auc", again, digests)  # type: ignore[arg-type]
    return measure_new_rows(watched, table, roles, Limits(), asked or Asked())


def state_of(found: dict[str, Any], name: str) -> str:
    return next(one["state"] for one in found["columns"] if one["column"] == name)


@pytest.mark.parametrize("time", [None, "when"])
def test_rows_that_came_since_are_found_and_measured(time: str | None) -> None:
    roles = ROLES | {"time": time}
    assert measured(lazy(rows(0, 1000)), roles)["rows"] == 0
    found = measured(lazy(rows(0, 1000), rows(1000, 1600)), roles)
    assert 540 < found["rows"] <= 600, "without a time, one row in sixteen may be taken for a known one"
    assert found["performance"]["rows"] == found["predicted"] == found["rows"]
    assert found["performance"]["low"] < 5 / 6 < found["performance"]["high"], "the area under the curve of such rows"
    assert {one["role"] for one in found["columns"]} == {"feature", "answer", "prediction"}
    assert {one["state"] for one in found["columns"]} == {"stable"}


@pytest.mark.parametrize("time", [None, "when"])
def test_what_has_moved_is_measured_against_the_rows_that_were_learned_from(time: str | None) -> None:
    table = lazy(rows(0, 1000), rows(1000, 1600, low=0.7, turned=True))
    found = measured(table, ROLES | {"time": time})
    assert state_of(found, "x") == state_of(found, "probability") == "drift"
    assert state_of(found, "c") == "stable"
    assert found["performance"]["value"] < 0.5


def test_with_a_time_what_came_and_what_is_newest_is_told() -> None:
    found = measured(lazy(rows(0, 1000), rows(1000, 1200)), ROLES | {"time": "when"})
    assert found["rows"] == 200
    assert found["first"] == "2026-02-11 16:00:00"
    assert found["last"] == found["newest"] == "2026-02-19 23:00:00"


def test_digests_of_one_client_say_nothing_of_anothers_rows() -> None:
    assert measured(lazy(rows(0, 1000)), client="acme_2")["rows"] > 900


def test_of_many_new_rows_a_fair_sample_is_predicted() -> None:
    found = measured(lazy(rows(1000, 6000)), asked=Asked(rows=1000))
    assert 850 < found["predicted"] < 1150
    assert found["rows"] > 4600


def test_of_a_large_table_digests_with_one_beginning_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_DIGESTS", 100)
    what, digests = fetch_known(lazy(rows(0, 3000)), ROLES, "acme")
    assert digests is not None
    assert what.prefix == "00"
    assert 0 < digests.num_rows < 40
    assert all(one.startswith("00") for one in digests["digest"].to_pylist())
    table = lazy(rows(0, 3000), rows(3000, 9000))
    new = what.new(table, ROLES, "acme", digests)
    assert new is not None
    ids = new.to_pyarrow()["id"].to_pylist()
    assert 5 < len(ids) < 60, "one in 256"
    assert sum(one < 3000 for one in ids) == 0


def test_digests_are_too_short_to_tell_for_certain_who_was_there() -> None:
    what, digests = fetch_known(lazy(rows(0, 4000)), ROLES, "acme")
    assert digests is not None
    assert 16 * 4000 <= 16**what.digits < 16 * 16 * 4000


def test_the_time_column_may_have_gone() -> None:
    assert Known(10, newest="2026-01-01").new(lazy(rows(0, 10)), ROLES, "acme", None) is None
    assert Known(10, digits=3).new(lazy(rows(0, 10)), ROLES, "acme", None) is None


def test_features_that_the_champion_cannot_read_are_told_and_not_predicted() -> None:
    table = lazy(rows(0, 1000), rows(1000, 1600)).drop("x")
    found = measured(table, ROLES | {"numeric": []})
    assert found["unfit"] == "the features have no x"
    assert found["performance"] is None
    assert {one["column"] for one in found["columns"]} == {"c", "y"}


def test_a_sample_is_the_same_each_time_and_has_nothing_to_do_with_the_fold() -> None:
    table = lazy(rows(0, 5000))
    first, second = (sample(table, ROLES, 5000, 500).to_pyarrow()["id"].to_pylist() for _ in range(2))
    assert sorted(first) == sorted(second)
    assert 400 < len(first) < 600
    assert {one % 5 for one in first} == set(range(5))


numbers = st.lists(st.none() | st.floats(-1e9, 1e9) | st.sampled_from([float("nan"), float("inf"), 0.0]), max_size=40)
texts = st.lists(st.none() | st.text(max_size=3), max_size=40)


@settings(max_examples=15)
@given(numbers, texts)
def test_a_reference_survives_json(some: list[float | None], words: list[str | None]) -> None:
    length = min(len(some), len(words))
    table = pa.table({"n": pa.array(some[:length], pa.float64()), "t": pa.array(words[:length], pa.string())})
    for one in reference_of(as_lazy(table), ["n"], ["t"]):
        assert Reference.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one


def test_distances_to_a_reference_are_those_to_its_rows() -> None:
    random = np.random.default_rng(3)
    before = pa.table({"x": random.normal(size=4000), "c": random.choice(list("abc"), 4000)})
    now = pa.table({"x": random.normal(0.4, size=2000), "c": random.choice(list("abd"), 2000)})
    tables = [connection().create_table(f"reference_{i}", one, overwrite=True) for i, one in enumerate((before, now))]
    whole = {one["column"]: one for one in drift_of(*tables, ["x"], ["c"], Limits())["columns"]}
    kept = {
        one["column"]: one for one in drift_since(reference_of(tables[0], ["x"], ["c"]), tables[1], Limits())["columns"]
    }
    assert kept["c"] == whole["c"]
    for name in ("psi", "mean_now", "mean_before", "state", "missing_now", "psi_by_chance"):
        assert kept["x"][name] == whole["x"][name], name
    assert kept["x"]["wasserstein"] == pytest.approx(whole["x"]["wasserstein"], rel=0.02)


def test_of_very_many_categories_the_rest_is_not_taken_for_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MOST_VALUES", 3)
    table = connection().create_table("reference_many", pa.table({"c": list("aaabbbcccdefg")}), overwrite=True)
    (kept,) = reference_of(table, [], ["c"])
    assert kept.side.counts == {"a": 3, "b": 3, "c": 3, REST: 4}
    (found,) = drift_since([kept], table, Limits())["columns"]
    assert (found["psi"], found["unseen"]) == (0, 0)


def test_a_baseline_of_a_later_format_is_refused(tmp_path: Path) -> None:
    made, _ = baseline_of("acme", Odds(), lazy(rows(0, 100)), ROLES)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="its format is 2, and this code reads 1"):
        Baseline.from_dict({**made.to_dict(), "format": 2})
