"""The recipe for a client without one, on awkward tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from workbench.clients import Client
from workbench.errors import ConfigurationError, DataError

N = 400
START = datetime(2024, 1, 1, 8, 30)
Prepare = Callable[..., tuple[pa.Table, dict[str, Any]]]


@pytest.fixture
def features(
    make_client: Callable[..., Client], table: Callable[..., ir.Table], prepare: Prepare
) -> Callable[..., tuple[dict[str, list[Any]], dict[str, Any]]]:
    """Features as columns, and roles, of a table with columns ``id``, ``y``, ``x`` and what a test adds."""

    def run(
        columns: dict[str, Any], parameters: dict[str, Any] | None = None, **client: Any
    ) -> tuple[dict[str, list[Any]], dict[str, Any]]:
        rng = Random(0)
        base = {
            "id": list(range(N)),
            "y": [rng.random() < 0.4 for _ in range(N)],
            "x": [rng.random() for _ in range(N)],
        }
        made, roles = prepare(make_client(**client), {"rows": table(base | columns)}, **(parameters or {}))
        return made.to_pydict(), roles

    return run


Features = Callable[..., tuple[dict[str, list[Any]], dict[str, Any]]]


def some(values: list[Any]) -> list[Any]:
    """The values in a random order, as many as there are rows."""
    return Random(1).choices(values, k=N)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([7] * N, "one value in all training rows"),
        (["a"] * N, "one value in all training rows"),
        (pa.nulls(N, pa.float64()), "no training row has a value"),
        ([float("nan")] * N, "no training row has a value"),
        ([f"customer {n}" for n in range(N)], "an identifier: every value differs"),
        ([n * 17 + 3 for n in range(N)], "an identifier: every value differs"),
        (some([f"word {n}" for n in range(60)]), "different values, and max_categories is 50"),
        ([[1, 2]] * N, "neither a number, nor text, nor a date"),
    ],
    ids=["constant", "constant text", "empty", "only NaN", "text id", "number id", "free text", "list"],
)
def test_what_cannot_help_is_left_out(features: Features, column: Any, reason: str) -> None:
    made, roles = features({"c": column}, {"max_categories": 50})
    assert reason in roles["excluded"]["c"]
    assert list(made) == ["id", "fold", "y", "x"]


def label(seed: int = 0) -> list[bool]:
    rng = Random(seed)
    return [rng.random() < 0.4 for _ in range(N)]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (label(), "one threshold parts the two classes"),
        ([f"{int(y)}" for y in label()], "one threshold parts the two classes"),
        (["lost" if y else "won" for y in label()], "each of its values comes with one value of the target only"),
        ([f"{'lost' if y else 'won'} {n % 3}" for n, y in enumerate(label())], "each of its values comes with one"),
        ([-5.0 - n / N if y else n / N for n, y in enumerate(label())], "one threshold parts the two classes"),
        ([f"code {n}" if y else None for n, y in enumerate(label())], "there for one class and missing for the other"),
        ([date(2024, 1, 1) + timedelta(n) if not y else None for n, y in enumerate(label())], "there for one class"),
    ],
    ids=["copy", "copy as text", "renamed", "finer", "threshold", "missing", "missing date"],
)
def test_what_gives_a_binary_target_away_is_left_out(features: Features, column: Any, reason: str) -> None:
    made, roles = features({"y": label(), "c": column})
    assert reason in roles["excluded"]["c"]
    assert roles["excluded"]["c"].startswith("leakage: ")
    assert "c" not in made


def test_a_column_that_is_nearly_the_target_stays(features: Features) -> None:
    nearly = [not y if n % 40 == 0 else y for n, y in enumerate(label())]
    assert "c" in features({"y": label(), "c": nearly})[1]["numeric"]


@pytest.mark.parametrize("scale", [1.0, -0.001])
def test_what_moves_in_step_with_a_number_is_left_out(features: Features, scale: float) -> None:
    target = [Random(n).gauss(20, 5) for n in range(N)]
    _, roles = features({"y": target, "c": [value * scale + 7 for value in target]}, task="regression")
    assert roles["excluded"] == {"c": "leakage: it moves in step with the target"}


def test_what_names_one_of_many_classes_is_left_out(features: Features) -> None:
    target = some(["red", "green", "blue"])
    made, roles = features({"y": target, "c": [word[0] for word in target]}, task="multiclass")
    assert "comes with one value of the target only" in roles["excluded"]["c"]
    assert roles["classes"] == ["blue", "green", "red"]
    assert made["y"] == target


def test_dates_become_parts_and_days(features: Features) -> None:
    born = [date(1960, 1, 1) + timedelta(days=37 * (n % 200)) for n in range(N)]
    made, roles = features({"born": born, "seen": [START + timedelta(hours=5 * n) for n in range(N)]})
    assert roles["numeric"] == ["x", "born_month", "born_days", "seen_month", "seen_hour", "seen_days"]
    assert roles["categorical"] == ["born_weekday", "seen_weekday"]
    at = made["id"].index(3)
    assert made["born_weekday"][at] == born[3].strftime("%A")
    assert made["born_days"][at] == (born[3] - date(1970, 1, 1)).days
    assert made["seen_hour"][at] == 23


def test_dates_are_told_as_days_before_the_rows_own_time(features: Features) -> None:
    at = [START + timedelta(hours=7 * n) for n in range(N)]
    since = [moment - timedelta(days=n % 50) for n, moment in enumerate(at)]
    by_time = {"time_column": "at", "split": {"by": "time"}}
    made, roles = features({"at": at, "since": since}, **by_time)
    assert made["since_days_before"][60] == 10.0
    # A time split shows no month of the test rows in training; the month of another date may repeat.
    assert {"at_weekday", "at_hour", "since_month"} <= {*roles["numeric"], *roles["categorical"]}
    assert "at_month" not in roles["numeric"]
    assert "at_month" in features({"at": at}, time_column="at")[1]["numeric"]


def test_a_date_that_lies_ahead_of_the_row_is_leakage(features: Features) -> None:
    at = [START + timedelta(hours=7 * n) for n in range(N)]
    paid = [moment + timedelta(days=n % 9 - 4) for n, moment in enumerate(at)]
    _, roles = features({"at": at, "paid": paid}, time_column="at")
    assert roles["excluded"]["paid"].startswith("leakage: it lies after at in ")


def test_text_that_is_numbers_or_dates_is_taken_for_them(features: Features) -> None:
    made, roles = features(
        {
            "price": some(["1.5", "-2", "3e1", None]),
            "zip": some(["01234", "94110", "08540"]),
            "day": some(["2024-02-29", "2023-12-31 10:00"]),
            "mixed": some(["1", "2", "many"]),
        }
    )
    assert {"price", "price_missing", "day_month", "day_hour"} <= set(roles["numeric"])
    assert {"zip", "mixed"} <= set(roles["categorical"])
    assert set(made["price"]) == {1.5, -2.0, 30.0, None}


def test_numbers_of_every_type_are_float64(features: Features) -> None:
    made, roles = features({"flag": some([True, False, None]), "money": some([Decimal("1.10"), Decimal("2.25")])})
    assert roles["numeric"] == ["x", "flag", "flag_missing", "money"]
    assert set(made["flag"]) == {1.0, 0.0, None}
    assert set(made["money"]) == {1.1, 2.25}


def test_not_a_number_and_infinity_are_missing(features: Features) -> None:
    made, roles = features({"c": some([1.0, 2.0, float("nan"), float("inf"), -float("inf"), None])})
    assert set(made["c"]) == {1.0, 2.0, None}
    assert [value is None for value in made["c"]] == [flag == 1.0 for flag in made["c_missing"]]
    assert roles["numeric"] == ["x", "c", "c_missing"]


def test_rare_categories_are_learnt_from_the_training_rows_alone(features: Features) -> None:
    folds = features({})[0]["fold"]
    # "spring" is everywhere but in training, "rare" in one training row only, and a gap stays a gap.
    word = [some(["a", "b"])[n] if fold == "train" else "spring" for n, fold in enumerate(folds)]
    word[folds.index("train")], word[folds.index("test")] = "rare", None
    made, roles = features({"word": word}, {"rare_share": 0.01})
    assert roles["categorical"] == ["word"]
    assert {w for w, fold in zip(made["word"], made["fold"], strict=True) if fold == "train"} == {"a", "b", "other"}
    assert {w for w, fold in zip(made["word"], made["fold"], strict=True) if fold != "train"} <= {"other", None}


def test_nothing_is_learnt_from_rows_that_are_held_out(features: Features) -> None:
    """Whatever the held-out rows hold, the training rows' features are the same."""
    columns = {"word": some(["a", "b", "c", None]), "n": some([1.0, 2.5, None]), "day": some([date(2024, 1, 2)])}
    before, roles = features(columns)
    held_out = [n for n, fold in enumerate(before["fold"]) if fold != "train"]
    for n in held_out:
        columns["word"][n], columns["n"][n], columns["day"][n] = f"new {n}", None, date(1999, 1, 1) + timedelta(n)
    after, roles_after = features(columns)
    assert roles == roles_after
    for name in before:
        kept = [(a, b) for a, b, f in zip(before[name], after[name], before["fold"], strict=True) if f == "train"]
        assert all(a == b for a, b in kept), name


def test_personal_and_protected_columns_are_no_features(features: Features) -> None:
    made, roles = features(
        {"name": some(["Ann", "Bob"]), "sex": some(["f", "m"])}, personal=["name"], protected=["sex"]
    )
    assert list(made) == ["id", "fold", "y", "sex", "x"]
    assert roles["protected"] == ["sex"]
    assert roles["excluded"]["name"] == "personal: never a feature"
    assert roles["excluded"]["sex"].startswith("protected: ")
    assert roles["numeric"] + roles["categorical"] == ["x"]


def test_a_personal_column_is_not_in_the_primary_table(
    make_client: Callable[..., Client], table: Callable[..., ir.Table]
) -> None:
    from pipelines.prepare.nodes import join_tables

    rows = table({"id": ["a"], "mail": ["a@example.com"], "y": [1]})
    assert join_tables(make_client(personal=["mail"]), {"rows": rows}).columns == ("id", "y")
    # The key identifies the row, personal or not.
    assert join_tables(make_client(personal=["id", "mail"]), {"rows": rows}).columns == ("id", "y")


@pytest.mark.parametrize("role", ["protected", "segments"])
def test_a_column_cannot_be_kept_out_of_reports_and_shown_in_them(features: Features, role: str) -> None:
    with pytest.raises(ConfigurationError, match=f"column 'sex' is both personal and in {role}"):
        features({"sex": some(["f", "m"])}, personal=["sex"], **{role: ["sex"]})


def test_hostile_and_clashing_column_names(features: Features) -> None:
    hostile = 'a"; drop table "x'
    made, roles = features(
        {
            hostile: some([1.0, None]),
            "c": some([1.0, 2.0, None]),
            "C_Missing": some([3.0, 4.0]),
            "Größe 🙂": some(["groß", "klein"]),
        }
    )
    assert roles["numeric"] == ["x", hostile, f"{hostile}_missing", "c", "c_missing_", "C_Missing"]
    assert roles["categorical"] == ["Größe 🙂"]
    assert set(made["C_Missing"]) == {3.0, 4.0}


def test_several_tables_need_a_recipe(
    make_client: Callable[..., Client], table: Callable[..., ir.Table], prepare: Prepare
) -> None:
    tables = {"rows": table({"id": [1]}), "more": table({"id": [1]})}
    with pytest.raises(
        ConfigurationError, match="client acme: recipe auto takes one table and there are 2: more, rows"
    ):
        prepare(make_client(), tables)


def test_no_feature_left(features: Features) -> None:
    with pytest.raises(DataError, match="there is no feature left"):
        features({"x": [1.0] * N})
