from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tune.evaluation import averages, chosen, graded, scored
from workbench.learning.language.scores import exact_match, rouge_l

EXAMPLES = [
    [{"role": "user", "content": f"q {number}"}, {"role": "assistant", "content": f"the answer {number}"}]
    for number in range(4)
]


@pytest.mark.parametrize(
    ("answer", "reference", "exact", "rouge"),
    [
        ("the cat sat", "the cat sat", 1, 1.0),
        (" The  cat\nsat ", "The cat sat", 1, 1.0),
        ("ｔhe cat", "the cat", 1, 1.0),
        ("The Cat sat.", "the cat sat", 0, 1.0),
        # Lin's example: "police killed the gunman" against the two others, both with 3 of 4 or 2 of 4 words in order.
        ("police kill the gunman", "police killed the gunman", 0, 0.75),
        ("the gunman kill police", "police killed the gunman", 0, 0.5),
        ("кошка сидит", "кошка сидит дома", 0, 0.8),
        ("", "the cat", 0, 0.0),
        ("😀", "😀", 1, 1.0),
        ("😀", "😢", 0, 0.0),
    ],
)
def test_scores(answer: str, reference: str, exact: float, rouge: float) -> None:
    assert exact_match(answer, reference) == exact
    assert rouge_l(answer, reference) == pytest.approx(rouge)


@given(st.text(max_size=50), st.text(max_size=50))
def test_scores_are_shares_and_the_same_text_is_1(answer: str, reference: str) -> None:
    assert 0 <= rouge_l(answer, reference) <= 1
    assert rouge_l(reference, reference) == exact_match(reference, reference) == 1
    if exact_match(answer, reference):
        assert rouge_l(answer, reference) == 1


def test_the_same_examples_are_chosen_whatever_their_order() -> None:
    rows = [{"messages": messages} for messages in EXAMPLES]
    assert chosen(rows, 2) == chosen(rows[::-1], 2)
    assert len(chosen(rows, 2)) == 2


class Fixed:
    """A judge that likes one answer, and says nothing about another."""

    def grade(self, prompt: object, reference: str, answer: str) -> float | None:
        return {"good": 1.0, "none": None}.get(answer, 0.25)


def test_models_are_compared_on_the_examples_that_both_have_a_grade_for() -> None:
    rows = scored(EXAMPLES, {"base": ["bad", "none", "bad", "bad"], "tuned": ["good", "good", "good", "bad"]})
    assert graded(rows, Fixed(), 3) == 1  # type: ignore[arg-type]
    means = averages(rows, {"base": 2.0, "tuned": float("nan")})
    assert means["base"]["judge"] == 0.25
    assert means["tuned"]["judge"] == 1.0
    assert means["base"]["loss"] == 2.0
    assert means["tuned"]["loss"] is None
    assert means["tuned"]["exact_match"] == 0
    assert "judge" not in averages(scored(EXAMPLES, {"base": ["a"] * 4}), {"base": 1.0})["base"]
