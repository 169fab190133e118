"""Drift: the distances are those of the literature, counted by the engine, and chance is not taken for drift."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from workbench.drift import asking, counting
from workbench.drift.distances import by_chance, jensen_shannon, psi, wasserstein
from workbench.drift.measure import Limits, drift_of, drift_of_parts, worst_state
from workbench.engines import connection

RNG = np.random.default_rng(7)
counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any)


def table(name: str, **columns):
    return connection().create_table(name, pa.table(columns), overwrite=True)


def measured(before, now, numeric=(), categorical=(), limits=None):
    sides = (table("drift_before", **before), table("drift_now", **now))
    return {c["column"]: c for c in drift_of(*sides, list(numeric), list(categorical), limits or Limits())["columns"]}


def test_the_index_is_that_of_the_textbook() -> None:
    # Shares 0.5, 0.5 against 0.25, 0.75: 0.25 ln 2 + 0.25 ln 1.5.
    assert psi([50, 50], [25, 75]) == pytest.approx(0.25 * math.log(2) + 0.25 * math.log(1.5))
    assert 2 < psi([10, 0], [0, 10]) < 10, "an empty bin is no division by zero"


@given(counts, st.integers(1, 50))
def test_the_same_mixture_is_at_no_distance_however_many_rows(before, times) -> None:
    now = [times * count for count in before]
    assert psi(before, now) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(before, now) == pytest.approx(0, abs=1e-6)
    assert wasserstein(range(len(before)), before, now, steps=True) == pytest.approx(0, abs=1e-9)


@given(counts, counts)
def test_distances_are_symmetric_and_those_of_scipy(one, other) -> None:
    length = min(len(one), len(other))
    one, other = [*one[: length - 1], 1], [*other[: length - 1], 2]
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert jensen_shannon(one, other) == pytest.approx(float(jensenshannon(one, other, base=2)), abs=1e-6)
    values = np.arange(length) ** 2
    assert wasserstein(values, one, other, steps=True) == pytest.approx(
        stats.wasserstein_distance(values, values, one, other), abs=1e-9
    )


@pytest.mark.parametrize("bins", [3, 10, 50])
def test_chance_is_the_quantile_of_chi_squared(bins) -> None:
    assert by_chance(bins, 100, 300, 0.999) == pytest.approx(
        stats.chi2.ppf(0.999, bins - 1) * (1 / 100 + 1 / 300), rel=0.03
    )


def test_a_moved_number_is_measured_as_by_hand() -> None:
    before, now = RNG.lognormal(size=6000), RNG.lognormal(0.3, size=3000)
    (found,) = measured({"x": before}, {"x": now}, ["x"]).values()
    assert found["wasserstein"] == pytest.approx(stats.wasserstein_distance(before, now), rel=0.03)
    assert found["wasserstein_scaled"] == pytest.approx(found["wasserstein"] / before.std(), rel=1e-4)
    edges = np.quantile(before, np.arange(0.1, 0.95, 0.1), method="inverted_cdf")
    bins = [np.bincount(np.searchsorted(edges, side), minlength=10) for side in (before, now)]
    assert found["psi"] == pytest.approx(psi(*bins), rel=0.01)
    assert found["mean_now"] == pytest.approx(now.mean(), rel=1e-4)


@pytest.mark.parametrize("wider", [0.5, 3.0])
def test_a_number_that_moves_both_ways_is_measured_too(wider) -> None:
    before, now = RNG.normal(size=8000), wider * RNG.standard_t(3, size=8000) + 0.2
    (found,) = measured({"x": before}, {"x": now}, ["x"]).values()
    assert found["wasserstein"] == pytest.approx(stats.wasserstein_distance(before, now), rel=0.03)


def test_a_count_and_a_yes_or_no_are_exact() -> None:
    before, now = RNG.integers(0, 24, 4000), RNG.integers(5, 24, 4000)
    yes = np.repeat([0, 1], [3000, 1000])
    found = measured({"h": before, "y": yes}, {"h": now, "y": 1 - yes}, ["h", "y"])
    assert found["h"]["wasserstein"] == pytest.approx(stats.wasserstein_distance(before, now), rel=1e-4)
    assert found["y"]["wasserstein"] == pytest.approx(0.5)


@pytest.mark.slow
def test_few_rows_of_one_and_the_same_kind_have_not_drifted() -> None:
    """With 60 rows, an index above 0.25 is common; without the quantile of chance, most columns would be called moved."""
    before = {f"x{i}": RNG.normal(size=300) for i in range(40)}
    now = {f"x{i}": RNG.normal(size=60) for i in range(40)}
    found = measured(before, now, list(before)).values()
    assert sum(column["psi"] > 0.1 for column in found) > 20
    assert worst_state(list(found)) == "stable"
    assert worst_state(list(measured(before, {n: v + 3 for n, v in now.items()}, list(before)).values())) == "drift"


def test_what_is_missing_is_a_bin_and_nan_is_missing() -> None:
    before = {"x": pa.array([1.0, 2.0, 3.0, 4.0] * 200), "empty": pa.nulls(800, pa.float64())}
    now = {"x": pa.array([1.0, math.nan, math.inf, None] * 200), "empty": pa.nulls(800, pa.float64())}
    found = measured(before, now, ["x", "empty"])
    assert found["x"]["missing_before"] == 0
    assert found["x"]["missing_now"] == 0.75
    assert found["x"]["state"] == "drift"
    assert found["empty"]["psi"] == 0
    assert found["empty"]["wasserstein"] is None
    assert found["empty"]["kind"] == "number"


def test_categories_that_were_never_seen_are_told() -> None:
    before = {"c": ["a", "b"] * 500, "flag": [True, False] * 500}
    now = {"c": ["a", "new"] * 500, "flag": [True, True] * 500}
    found = measured(before, now, categorical=["c", "flag"])
    assert found["c"]["unseen"] == 0.5
    assert found["c"]["jensen_shannon"] == pytest.approx(float(jensenshannon([1, 1, 0], [1, 0, 1], base=2)), rel=1e-4)
    assert found["flag"]["state"] == "drift"


def test_many_categories_count_as_one_beyond_the_commonest() -> None:
    names = [f"c{i}" for i in range(2000)]
    sides = (table("drift_before", c=names), table("drift_now", c=names))
    found = drift_of(*sides, [], ["c"], Limits())
    assert len(found["bins"]) == 51
    assert found["bins"][-1]["bin"] == "(all others)"


def test_the_rows_stay_in_the_engine(monkeypatch) -> None:
    asked = []
    real = asking.fetch
    monkeypatch.setattr(asking, "fetch", lambda query: asked.append(query) or real(query))
    columns = {f"x{i}": RNG.normal(size=50) for i in range(100)}
    measured(columns, columns, list(columns))
    assert len(asked) <= 8, "a handful of queries, however many columns"


def test_a_large_reference_gives_the_same_edges_each_time(monkeypatch) -> None:
    monkeypatch.setattr(counting, "SAMPLE", 500)
    columns = {"id": range(20_000), "x": RNG.normal(size=20_000)}
    first, second = (measured(columns, columns, ["x"]) for _ in range(2))
    assert first == second
    assert first["x"]["psi"] == 0


def test_every_edge_counts_its_own_value() -> None:
    """Not the next bin: what is sent as an edge must come back to the last bit."""
    values = [0.1 + 0.2, 1 / 3, math.nextafter(1.0, 2.0), 5e-324, 1.7976931348623157e150, *RNG.lognormal(0, 9, 500)]
    rows = table("drift_before", x=values + values)
    (side,) = counting.sides_of([rows], {"x": sorted(values)}, [])
    assert side["x"].counts == dict.fromkeys(values, 2) | {math.inf: 0}


def test_percentiles_are_those_that_decimals_give() -> None:
    """0.56 of 50 rows is the 28th; as a float, it is a little more than 28 rows."""
    (found,) = counting.percentiles_of([table("drift_before", x=[float(i) for i in range(50)])], ["x"])
    assert found["x"][counting.PERCENTILES.index(0.56)] == 27


def test_a_side_without_rows_counts_none() -> None:
    rows = table("drift_before", x=[1.0, 2.0], c=["a", "b"])
    (number, category) = counting.count_columns(rows, rows.filter(rows.x > 2), ["x"], ["c"])
    assert (number.now.rows, number.now.missing, number.now.mean) == (0, 0, None)
    assert (category.before.counts, category.now.counts) == ({"a": 1, "b": 1}, {})


def test_parts_that_are_counted_together_are_judged_as_if_alone() -> None:
    sides = [
        table(name, x=RNG.normal(at, size=300), y=RNG.normal(size=300), c=["a"] * 300)
        for name, at in (("drift_before", 0), ("drift_now", 1))
    ]
    found = drift_of_parts(*sides, {"answer": (["y"], []), "feature": (["x"], ["c"])}, Limits())
    assert found == {
        "answer": drift_of(*sides, ["y"], [], Limits()),
        "feature": drift_of(*sides, ["x"], ["c"], Limits()),
    }


def test_a_wide_table_is_counted_part_by_part(monkeypatch) -> None:
    """The engine ends the whole process at some 16,000 aggregates."""
    numbers, texts = [f"x{at}" for at in range(7)], [f"k{at}" for at in range(4)]
    sides = [
        {name: RNG.normal(size=80) for name in numbers} | {name: RNG.choice(["a", "b"], 80) for name in texts}
        for _ in range(2)
    ]
    whole = measured(*sides, numbers, texts)
    asked, fetch = [], asking.fetch
    monkeypatch.setattr(asking, "fetch", lambda expression: asked.append(len(expression.columns)) or fetch(expression))
    monkeypatch.setattr(counting, "COUNTED_AT_ONCE", 3)
    assert measured(*sides, numbers, texts) == whole
    assert max(asked) <= 2 + 3 * 6
