"""What is judged how: decay only beyond chance, drift only where labels do not know better, faults never a training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workbench.monitoring import judging, quality
from workbench.monitoring.findings import Finding, worst
from workbench.monitoring.judging import DriftRules, PerformanceRules, Promised
from workbench.monitoring.quality import Expected, QualityRules
from workbench.monitoring.verdict import Measured, Rules, findings_of, flat, verdict_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RULES = Rules(DriftRules(), PerformanceRules(), QualityRules(), 100)
PROMISED = Promised(3, 0.9, 0.02)
NOTHING_SERVED = {
    "log": False, "lines": {}, "days": [], "versions": [], "rows": 0, "columns": [], "not_logged": [],
}  # fmt: skip
TABLES = {"orders": {"read": 1000, "quarantined": 0, "quarantined_share": 0.0}}


def column(name: str = "x", role: str = "feature", state: str = "stable", **changes: Any) -> dict[str, Any]:
    index = {"stable": 0.01, "watch": 0.15, "drift": 0.9}[state]
    made = {"role": role, "column": name, "state": state, "psi": index, "psi_by_chance": 0.02, "missing_before": 0.0}
    return {**made, "missing_now": 0.0, **changes}


def performance(value: float | None, low: float | None, high: float | None, rows: int = 500) -> dict[str, Any]:
    return {"metric": "roc_auc", "rows": rows, "value": value, "low": low, "high": high}


def new_rows(**changes: Any) -> dict[str, Any]:
    made = {"rows": 500, "first": None, "last": None, "newest": None, "unlabelled": 0, "columns": [column()]}
    return {**made, "performance": None, "predicted": 500, "unfit": "", "problem": "", **changes}


def judge(new: dict[str, Any], rules: Rules = RULES, **changes: Any) -> dict[str, Any]:
    given = {"promised": PROMISED, "served": NOTHING_SERVED, "tables": TABLES, "expected": None, "now": NOW}
    measured = Measured(new_rows=new, **{**given, **changes})
    return verdict_of(measured, *findings_of(measured, rules))


@pytest.mark.parametrize(
    ("metric", "promised", "interval", "level"),
    [
        ("roc_auc", 0.9, (0.8, 0.75, 0.879), "retrain"),
        ("roc_auc", 0.9, (0.8, 0.75, 0.881), "steady"),  # 0.88 is promised less the margin
        ("roc_auc", 0.9, (0.95, 0.93, 0.97), "steady"),
        ("rmse", 0.9, (1.2, 0.921, 1.5), "retrain"),
        ("rmse", 0.9, (1.2, 0.919, 1.5), "steady"),
    ],
)
def test_a_decay_counts_when_the_interval_excludes_the_promise_less_the_margin(
    metric: str, promised: float, interval: tuple[float, ...], level: str
) -> None:
    measured = performance(*interval) | {"metric": metric}
    (found,), notes = judging.of_performance(measured, Promised(3, promised, 0.02), PerformanceRules())
    assert (found.level, notes) == (level, [])
    assert (
        f"{metric} is {interval[0]:.4g} ({interval[1]:.4g} to {interval[2]:.4g}) on 500 labelled rows" in found.sentence
    )
    assert "version 3 promised 0.9, with a margin of 0.02" in found.sentence


def test_the_margin_may_be_given() -> None:
    (found,), _ = judging.of_performance(performance(0.8, 0.75, 0.879), PROMISED, PerformanceRules(margin=0.1))
    assert found.level == "steady"
    assert found.threshold == pytest.approx(0.8)


def test_too_few_labels_decide_nothing_and_how_many_there_are_is_said() -> None:
    said = judge(new_rows(performance=performance(0.5, 0.4, 0.6, rows=99)))
    assert said["verdict"] == "steady"
    assert any(
        "on 99 labelled rows" in note and "Fewer than 100 labelled rows decide nothing" in note
        for note in said["notes"]
    )
    assert judge(new_rows(performance=performance(0.5, 0.4, 0.6, rows=100)))["verdict"] == "retrain"


def test_an_undefined_metric_decides_nothing() -> None:
    said = judge(new_rows(performance=performance(None, None, None)))
    assert said["verdict"] == "steady"
    assert "roc_auc is undefined on the 500 labelled rows" in " ".join(said["notes"])


def test_predictions_that_drifted_ask_for_a_training_unless_labels_say_that_all_is_well() -> None:
    moved = [column(), column("probability", "prediction", "drift")]
    said = judge(new_rows(columns=moved))
    assert said["verdict"] == "retrain"
    assert said["reasons"][0]["column"] == "probability"
    assert "its stability index is 0.9, above 0.25" in said["reasons"][0]["sentence"]
    well = judge(new_rows(columns=moved, performance=performance(0.89, 0.85, 0.93)))
    assert well["verdict"] == "watch"
    assert "drift alone asks for no training" in " ".join(well["notes"])
    worse = judge(new_rows(columns=moved, performance=performance(0.87, 0.83, 0.91)))
    assert worse["verdict"] == "retrain", "worse than promised, if not beyond chance, is no clean bill of health"


@pytest.mark.parametrize(
    ("drifted", "verdict"), [(0, "steady"), (1, "watch"), (4, "watch"), (5, "retrain"), (9, "retrain")]
)
def test_features_ask_for_a_training_when_a_share_of_them_has_drifted(drifted: int, verdict: str) -> None:
    columns = [column(f"x{i}", state="drift" if i < drifted else "stable") for i in range(10)]
    assert judge(new_rows(columns=columns))["verdict"] == verdict


def test_features_whose_values_went_missing_are_a_fault_and_no_drift() -> None:
    columns = [column(f"x{i}", state="drift", missing_now=0.4) for i in range(10)]
    said = judge(new_rows(columns=columns))
    assert said["verdict"] == "watch"
    assert any("0 of the values of 'x0' were missing and 0.4 are" in one["sentence"] for one in said["reasons"])


def test_few_new_rows_decide_nothing_on_drift() -> None:
    columns = [column(f"x{i}", state="drift", missing_now=1.0, unseen=1.0) for i in range(10)]
    said = judge(new_rows(rows=99, columns=columns))
    assert said["verdict"] == "steady"
    assert "99 rows came since; fewer than 100 decide nothing on drift." in said["notes"]


def test_the_answer_alone_is_watched() -> None:
    assert judge(new_rows(columns=[column(), column("y", "answer", "drift")]))["verdict"] == "watch"


def test_what_was_served_is_watched_and_asks_for_no_training() -> None:
    served = NOTHING_SERVED | {
        "log": True, "rows": 500, "versions": [{"version": "3", "rows": 500, "share": 1.0}],
        "lines": dict.fromkeys(("lines", "rows", "unreadable", "foreign", "future", "with_unknown_fields"), 0),
        "columns": [column(f"x{i}", state="drift") for i in range(10)] + [column("probability", "prediction", "drift")],
    }  # fmt: skip
    said = judge(new_rows(), served=served)
    assert said["verdict"] == "watch"
    assert {one["part"] for one in said["reasons"]} == {"served"}
    assert judge(new_rows(), served=served | {"rows": 99})["verdict"] == "steady"


def test_a_champion_that_cannot_predict_the_rows_of_today_is_to_be_trained_again() -> None:
    said = judge(new_rows(unfit="the features have no x"))
    assert said["verdict"] == "retrain"
    assert said["reasons"][0]["sentence"] == (
        "The champion, version 3, cannot predict the features of today: the features have no x."
    )


def test_without_a_baseline_or_a_new_row_it_is_said() -> None:
    said = judge(new_rows(rows=None, columns=[], problem="version 3 has none"))
    assert said["verdict"] == "steady"
    assert said["notes"][0] == "Drift and performance were not measured, for want of a baseline: version 3 has none."
    assert judge(new_rows(rows=0, columns=[]))["notes"][0] == "No row came since the champion was trained."


def test_many_reasons_are_told_in_part_and_those_that_ask_for_most_first() -> None:
    columns = [column(f"x{i:03}", state="drift") for i in range(300)] + [column("probability", "prediction", "drift")]
    said = judge(new_rows(columns=columns))
    assert len(said["reasons"]) == 12
    assert said["more_reasons"] == 302 - 12
    assert [one["level"] for one in said["reasons"][:3]] == ["retrain", "retrain", "watch"]


def test_the_numbers_for_mlflow_have_no_feature_and_no_gap() -> None:
    measured = Measured(PROMISED, new_rows(performance=performance(0.8, 0.7, 0.85)), NOTHING_SERVED, TABLES, None, NOW)
    findings, notes = findings_of(measured, RULES)
    numbers = flat(verdict_of(measured, findings, notes), findings)
    assert numbers["monitor.verdict"] == 2
    assert numbers["monitor.performance.roc_auc"] == 0.8
    assert not [name for name in numbers if name.endswith(".x")]
    assert all(isinstance(value, float) for value in numbers.values())


@pytest.mark.parametrize(("share", "level"), [(0.01, "steady"), (0.011, "watch"), (1.0, "watch")])
def test_quarantine_is_watched_beyond_its_threshold(share: float, level: str) -> None:
    tables = {"orders": {"read": 1000, "quarantined": round(1000 * share), "quarantined_share": share}}
    (found,) = quality.of_quarantine(tables, QualityRules())
    assert (found.level, found.column) == (level, "orders")
    assert f"of 1,000 rows of table 'orders' are in quarantine: a share of {share:.3g}" in found.sentence


def test_unseen_categories_are_watched() -> None:
    found = quality.of_columns([column("kind", unseen=0.051)], 100, QualityRules())
    assert [(one.measure, one.level) for one in found] == [("missing values", "steady"), ("unseen categories", "watch")]


@pytest.mark.parametrize(
    ("days", "expected", "level"),
    [(1.0, 2.0, "steady"), (2.1, 2.0, "watch"), (900, None, "steady"), (-2, None, "watch")],
)
def test_how_old_the_newest_row_may_be(days: float, expected: float | None, level: str) -> None:
    says = Expected(expected, "monitor.quality.newest_days") if expected else None
    (found,), notes = quality.of_freshness(NOW - timedelta(days=days), says, NOW)
    assert (found.level, notes) == (level, [])
    if expected:
        assert "2 days are allowed, by monitor.quality.newest_days" in found.sentence


def test_without_a_time_freshness_is_not_measured() -> None:
    found, notes = quality.of_freshness(None, None, NOW)
    assert found == []
    assert "not measured" in notes[0]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("2013", None),
        ("twelve", None),
        ("2026-11-30", datetime(2026, 11, 30, tzinfo=UTC)),
        ("2026-11-30 12:00:00", NOW),
        ("2026-11-30 14:00:00+02:00", NOW),
    ],
)
def test_a_moment_as_the_engine_writes_it(text: str | None, moment: datetime | None) -> None:
    assert quality.moment_of(text) == moment


def test_the_worst_counts() -> None:
    found = [Finding(level, "drift", "m", "", 0.0, None, "s") for level in ("watch", "retrain", "steady")]  # type: ignore[arg-type]
    assert worst(found) == "retrain"
    assert worst([]) == "steady"
