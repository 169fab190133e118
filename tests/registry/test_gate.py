"""The gate: what it promotes, what it never promotes, and that it says why."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.registry.gate import Champion, Comparison, decide

CHECKS = {"beats_majority": True, "calibrated": True}
FIRST = Comparison("roc_auc", True, 0.01, challenger=0.8, baseline=0.5)
LATER = replace(FIRST, champion=Champion(3, 0.78))

values = st.floats(-1e6, 1e6)
margins = st.floats(0, 10)
comparisons = st.builds(
    Comparison,
    metric=st.just("m"),
    higher_is_better=st.booleans(),
    margin=margins,
    challenger=st.none() | values | st.sampled_from([float("nan"), float("inf")]),
    baseline=st.none() | values,
    champion=st.none() | st.builds(Champion, version=st.integers(1, 99), value=st.none() | values),
)
checks = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.booleans(), max_size=4)


def test_the_first_model_is_promoted_when_it_beats_the_baseline() -> None:
    verdict = decide(FIRST, CHECKS)
    assert verdict.promote
    assert verdict.decision == "promoted"
    assert verdict.reasons == (
        "roc_auc 0.8 against 0.5: better than the majority baseline",
        "there is no champion yet",
        "all 2 checks passed",
    )


def test_the_first_model_must_beat_the_baseline() -> None:
    verdict = decide(replace(FIRST, challenger=0.5), CHECKS)
    assert not verdict.promote
    assert verdict.reasons == ("roc_auc 0.5 against 0.5: not better than the majority baseline",)


def test_a_challenger_needs_the_margin() -> None:
    assert decide(replace(LATER, margin=0.02), CHECKS).promote, "0.80 - 0.78 is the margin of 0.02, rounding aside"
    verdict = decide(replace(LATER, margin=0.021), CHECKS)
    assert not verdict.promote
    assert verdict.reasons == (
        "roc_auc 0.8 against 0.78: better than champion version 3 by 0.02, but a margin of 0.021 is asked for",
    )


def test_lower_is_better_for_an_error() -> None:
    error = Comparison("rmse", False, 0.5, challenger=10.0, baseline=20.0, champion=Champion(1, 11.0))
    assert decide(error, CHECKS).promote
    assert not decide(replace(error, challenger=12.0), CHECKS).promote


def test_a_champion_that_cannot_be_compared_is_measured_by_the_baseline() -> None:
    lost = replace(LATER, champion=Champion(3, None, "the features have no humidity"))
    assert decide(lost, CHECKS).promote
    assert "champion version 3 cannot be compared: the features have no humidity" in decide(lost, CHECKS).reasons
    assert not decide(replace(lost, challenger=0.4), CHECKS).promote


def test_every_reason_against_is_named() -> None:
    verdict = decide(replace(LATER, challenger=0.7), {"calibrated": False, "stable": False, "beats_majority": True})
    assert verdict.failed_checks == ("calibrated", "stable")
    assert verdict.reasons == (
        "check 'calibrated' failed",
        "check 'stable' failed",
        "roc_auc 0.7 against 0.78: the challenger is worse than champion version 3",
    )


def test_the_champion_itself_changes_nothing() -> None:
    verdict = decide(replace(LATER, champion=Champion(3, 0.8, is_challenger=True)), {"calibrated": False})
    assert (verdict.promote, verdict.decision) == (False, "already champion")


def test_a_check_that_is_not_true_has_not_passed() -> None:
    assert not decide(FIRST, {"calibrated": None}).promote  # type: ignore[dict-item]
    assert not decide(FIRST, {"calibrated": "no"}).promote  # type: ignore[dict-item]


@given(comparisons, checks)
def test_a_failed_check_never_promotes(comparison: Comparison, checks: dict[str, bool]) -> None:
    assume(not all(checks.values()))
    assert not decide(comparison, checks).promote


@given(comparisons, values)
def test_a_tie_keeps_the_champion(comparison: Comparison, value: float) -> None:
    tie = replace(comparison, challenger=value, champion=Champion(1, value))
    assert not decide(tie, CHECKS).promote


@given(comparisons)
def test_what_is_undefined_never_promotes(comparison: Comparison) -> None:
    for value in (None, float("nan"), float("inf")):
        assert not decide(replace(comparison, challenger=value), CHECKS).promote


@given(values, values, margins, st.booleans())
def test_two_models_never_both_replace_each_other(a: float, b: float, margin: float, higher: bool) -> None:
    one = Comparison("m", higher, margin, challenger=a, baseline=None, champion=Champion(1, b))
    other = Comparison("m", higher, margin, challenger=b, baseline=None, champion=Champion(1, a))
    assert not (decide(one, CHECKS).promote and decide(other, CHECKS).promote)


@given(values, values, margins)
def test_the_direction_is_a_mirror(a: float, b: float, margin: float) -> None:
    up = Comparison("m", True, margin, challenger=a, baseline=None, champion=Champion(1, b))
    down = Comparison("m", False, margin, challenger=-a, baseline=None, champion=Champion(1, -b))
    assert decide(up, CHECKS).promote == decide(down, CHECKS).promote


@given(values, values, margins, st.floats(0, 1e6))
def test_a_better_challenger_is_not_refused_where_a_worse_one_was_promoted(
    a: float, b: float, margin: float, more: float
) -> None:
    worse = Comparison("m", True, margin, challenger=a, baseline=None, champion=Champion(1, b))
    if decide(worse, CHECKS).promote:
        assert decide(replace(worse, challenger=a + more), CHECKS).promote


@given(comparisons, checks)
def test_there_is_always_a_reason_and_it_is_json(comparison: Comparison, checks: dict[str, bool]) -> None:
    verdict = decide(comparison, checks)
    assert verdict.reasons
    assert all(verdict.reasons)
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["reasons"] == list(verdict.reasons)
