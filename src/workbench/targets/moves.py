"""What a change of the traffic would be, decided from which version plays which part; nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.targets.book import Rollout

__all__ = ["Move", "Moves"]


@dataclass(frozen=True)
class Move:
    """A change of the traffic.

    Attributes:
        version: gets more of it.
        traffic: version to percentage, afterwards.
    """

    version: int
    traffic: Mapping[int, int]


@dataclass(frozen=True)
class Moves:
    """The changes that can be made.

    Attributes:
        client: whose.
        target: the target's name.
        rollout: which version plays which part.
        now: version to percentage.
    """

    client: str
    target: str
    rollout: Rollout
    now: Mapping[int, int]

    def canary(self, percent: int) -> Move:
        """A share for the candidate, the rest for the stable version.

        Raises:
            TargetError: there is no candidate.
        """
        stable, candidate = self.rollout.stable, self.rollout.candidate
        if candidate is None or stable is None:
            raise self._no_candidate()
        return Move(candidate, {stable: 100 - percent, candidate: percent})

    def promotion(self) -> Move | None:
        """All for the candidate; None if there is none, and the stable version has it all already.

        Raises:
            TargetError: there is no candidate.
        """
        stable, candidate = self.rollout.stable, self.rollout.candidate
        if candidate is not None:
            return Move(candidate, {candidate: 100})
        if dict(self.now) == {stable: 100}:
            return None
        raise self._no_candidate()

    def rollback(self) -> Move:
        """All for the stable version while another has some of it, else for the one that was stable before.

        Raises:
            TargetError: there is nothing to go back to.
        """
        rollout = self.rollout
        if rollout.going_back is not None:
            return Move(rollout.going_back, {rollout.going_back: 100})
        if rollout.stable is not None and set(self.now) - {rollout.stable}:
            return Move(rollout.stable, {rollout.stable: 100})
        if rollout.previous is not None:
            return Move(rollout.previous, {rollout.previous: 100})
        raise self._nothing("no version to go back to", f"`kedro deploy status {self.options}` shows what there is")

    @property
    def options(self) -> str:
        """Of a command for this client and target."""
        return f"--env clients/{self.client} --target {self.target}"

    def _no_candidate(self) -> TargetError:
        return self._nothing("no candidate", f"`kedro deploy apply {self.options}` brings the champion there")

    def _nothing(self, what: str, hint: str) -> TargetError:
        return TargetError(f"there is {what}", where=f"client {self.client}, target {self.target}", hint=hint)
