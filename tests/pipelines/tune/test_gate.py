from __future__ import annotations

from typing import Any

import pytest

from pipelines.tune.gate import decide
from pipelines.tune.parameters import GateSettings
from workbench.registry.gate import Champion


def verdict(tuned: float | None, base: float | None, champion: Champion | None = None, **settings: Any) -> Any:
    examples = settings.pop("examples", 50)
    return decide(GateSettings(margin=0.05, **settings), tuned=tuned, base=base, champion=champion, examples=examples)


@pytest.mark.parametrize(
    ("tuned", "base", "promoted", "reason"),
    [
        (0.8, 0.5, True, "rouge_l 0.8 against 0.5: better than the base model by 0.3, with a margin of 0.05"),
        (0.55, 0.5, True, "by 0.05, with a margin of 0.05"),
        (0.54, 0.5, False, "by 0.04, but a margin of 0.05 is asked for"),
        (0.5, 0.5, False, "ties with the base model"),
        (0.4, 0.5, False, "worse than the base model"),
        (None, 0.5, False, "rouge_l is undefined"),
    ],
)
def test_the_base_has_to_be_beaten_by_the_margin(tuned: float | None, base: float, promoted: bool, reason: str) -> None:
    found = verdict(tuned, base)
    assert found.promote is promoted
    assert reason in found.reasons[0]
    assert found.failed_checks == (() if promoted else ("better_than_base",))


def test_the_champion_too() -> None:
    assert verdict(0.8, 0.5, Champion(3, 0.7)).promote
    worse = verdict(0.8, 0.5, Champion(3, 0.9))
    assert worse.decision == "kept"
    assert worse.failed_checks == ("better_than_champion",)
    assert worse.reasons == ("rouge_l 0.8 against 0.9: worse than champion version 3",)
    assert not verdict(0.8, 0.5, Champion(3, 0.8)).promote


def test_a_champion_that_cannot_be_read_does_not_bar_the_way() -> None:
    found = verdict(0.8, 0.5, Champion(3, None, "its files are gone"))
    assert found.promote
    assert found.reasons[-1] == "champion version 3 cannot be compared: its files are gone"


def test_the_champion_itself_stays_it() -> None:
    assert verdict(0.8, 0.5, Champion(3, None, is_challenger=True)).decision == "already champion"


def test_too_few_examples_decide_nothing() -> None:
    found = verdict(0.8, 0.5, examples=4)
    assert found.failed_checks == ("enough_examples",)
    assert found.reasons == ("4 held-out examples, and 20 are asked for",)
    assert found.to_dict()["decision"] == "kept"
