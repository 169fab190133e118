"""Which change of the traffic a command is, from who plays which part."""

from __future__ import annotations

import pytest

from workbench.errors import TargetError
from workbench.targets.book import Rollout
from workbench.targets.moves import Move, Moves


def moves(rollout: Rollout, **now: int) -> Moves:
    """``moves(Rollout(3), v3=100)``."""
    return Moves("alpha", "gcp", rollout, {int(name[1:]): share for name, share in now.items()})


@pytest.mark.parametrize("rollout", [Rollout(), Rollout(3), Rollout(None, 4)])
def test_a_canary_needs_two(rollout: Rollout) -> None:
    with pytest.raises(TargetError, match="there is no candidate.*deploy apply --env clients/alpha --target gcp"):
        moves(rollout, v3=100).canary(10)
    assert moves(Rollout(3, 4), v3=100).canary(10) == Move(4, {3: 90, 4: 10})


def test_a_promotion_without_a_candidate_is_one_that_was_made() -> None:
    assert moves(Rollout(3, 4), v3=100).promotion() == Move(4, {4: 100})
    assert moves(Rollout(3), v3=100).promotion() is None
    for rollout, now in (
        (Rollout(), {}),
        (Rollout(3), {"v3": 90, "v4": 10}),
        (Rollout(3), {}),
        (Rollout(), {"v3": 100}),
    ):
        with pytest.raises(TargetError, match="there is no candidate"):
            moves(rollout, **now).promotion()


def test_a_rollback_goes_to_where_it_was_going_then_to_the_stable_then_to_the_one_before() -> None:
    assert moves(Rollout(3, 4, 2, going_back=2), v3=90, v4=10).rollback() == Move(2, {2: 100})
    assert moves(Rollout(3, 4, 2), v3=90, v4=10).rollback() == Move(3, {3: 100})
    assert moves(Rollout(3, 4, 2), v3=100).rollback() == Move(2, {2: 100})
    assert moves(Rollout(None, None, 2), v4=100).rollback() == Move(2, {2: 100})
    with pytest.raises(TargetError, match="there is no version to go back to.*deploy status"):
        moves(Rollout(3), v3=100).rollback()
