"""How answers are compared."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.targets.smoke import difference

YES, NO = {"prediction": 1, "probability": 0.9}, {"prediction": 0, "probability": 0.1}


@pytest.mark.parametrize(
    ("answers", "expected", "largest"),
    [
        ([YES, NO], [YES, NO], 0.0),
        ([], [], 0.0),
        ([{**YES, "probability": 0.8}, NO], [YES, NO], 0.1),
        ([{"prediction": 0, "probability": 0.9}], [YES], math.inf),
        ([{"prediction": 0, "probability": 0.499}], [{"prediction": 1, "probability": 0.501}], 0.002),
        ([{"prediction": "b", "probability": 0.4}], [{"prediction": "a", "probability": 0.4}], 0.0),
        ([{"probability": 0.9}], [YES], math.inf),
        ([{"prediction": 3.5}], [{"prediction": 3.0}], 0.5),
        ([{"prediction": "a"}], [{"prediction": "a"}], 0.0),
        ([{"prediction": "a"}], [{"prediction": "b"}], math.inf),
        ([YES], [YES, NO], math.inf),
        ([{"prediction": 1}], [YES], math.inf),
        ([{"probability": None}], [YES], math.inf),
        ([{"probability": True}], [{"probability": 1.0}], math.inf),
        ([NO, {**YES, "probability": math.nan}, NO], [NO, YES, NO], math.inf),
        ([{**YES, "probability": math.inf}], [YES], math.inf),
    ],
)
def test_the_largest_difference(answers: list[Any], expected: list[Any], largest: float) -> None:
    assert difference(answers, expected) == pytest.approx(largest)
