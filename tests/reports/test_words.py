"""Numbers as people read them, and words for every metric that the gate may compare."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.clients.model import METRICS as KNOWN
from workbench.learning.metrics import HIGHER_IS_BETTER
from workbench.reports.words import (
    METRICS,
    MINUS,
    count,
    metric_words,
    model_name,
    named,
    number,
    percent,
    signed_percent,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345.6, "12,300"), (1.23456, "1.23"), (0.04214, "0.0421"), (-3.14159, "\N{MINUS SIGN}3.14"), (1e-7, "0.000000100"),
     (9.999, "10.0"), (None, "—"), (math.nan, "—"), (math.inf, "—")],
)  # fmt: skip
def test_number(value, text) -> None:
    assert number(value) == text


@settings(deadline=None)
@given(st.floats(min_value=-1e15, max_value=1e15))
def test_a_number_is_never_far_from_what_it_says(value) -> None:
    assert float(number(value, 4).replace(",", "").replace(MINUS, "-")) == pytest.approx(value, rel=1e-3, abs=1e-8)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.1234, "12.3 %"),
        (0.00001, "<0.1 %"),
        (0.99999, ">99.9 %"),
        (None, "—"),
    ],
)
def test_percent_never_rounds_something_to_nothing(share, text) -> None:
    assert percent(share) == text


def test_what_was_not_measured_has_no_zeros_at_its_end() -> None:
    assert [number(value, 4, trimmed=True) for value in (50.0, 0.1, 7500.0, 12.3456)] == ["50", "0.1", "7,500", "12.35"]
    assert number(50.0, 4) == "50.00"


def test_percentages_beside_each_other_have_as_many_decimals() -> None:
    assert [percent(share, trimmed=False) for share in (0.66, 0.6654, 1)] == ["66.0 %", "66.5 %", "100.0 %"]
    assert METRICS["accuracy"].show(0.66) == "66.0 %"


@pytest.mark.parametrize(
    ("share", "text"), [(-1, "100 %"), (-0.9964, "99.6 %"), (-0.99996, "100.0 %"), (-0.25, "25 %")]
)
def test_only_what_is_gone_is_a_hundred_percent_less(share, text) -> None:
    assert signed_percent(share) == f"{MINUS}{text}"


def test_count() -> None:
    assert (count(336776), count(0), count(None)) == ("336,776", "0", "—")


def test_what_is_not_perfect_never_reads_as_perfect() -> None:
    words = METRICS["roc_auc"]
    assert [words.show(value) for value in (0.9997, 1.0, 0.0002, 0.0)] == [">0.999", "1.000", "<0.001", "0.000"]
    assert "more than 99 times in 100" in words.reading(0.9997)
    assert " 100 times in 100" in words.reading(1.0)


def test_every_metric_of_the_gate_has_words() -> None:
    assert set(METRICS) == {name for names in KNOWN.values() for name in names}
    for name, words in METRICS.items():
        sentence = words.reading(0.25)
        assert sentence.endswith("."), name
        assert sentence[0].isupper(), name
        assert words.show(None) == "—", name


def test_directions_are_those_of_the_learning_room() -> None:
    assert {name: words.higher_is_better for name, words in METRICS.items()} == dict(HIGHER_IS_BETTER)


def test_an_unknown_metric_has_plain_words() -> None:
    assert metric_words("top_3_hits").label == "top 3 hits"


def test_a_sentence_of_the_gate_for_people() -> None:
    assert named("roc_auc 0.7 against 0.6: better") == "ROC AUC 0.7 against 0.6: better."
    assert named("check 'brier_ok' failed") == "Check 'brier_ok' failed."


def test_the_guess_is_named_by_what_it_does() -> None:
    assert model_name("majority", "binary") == "Majority guess"
    assert model_name("majority", "regression") == "Mean guess"
    assert model_name("another", "binary") == "another"
