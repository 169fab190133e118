"""The traffic at a target: read there, and never changed without a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from workbench.errors import TargetError
from workbench.targets.book import Book
from workbench.targets.protocol import Target
from workbench.targets.release import Release
from workbench.targets.smoke import Compare, Smoke
from workbench.targets.working import Work

__all__ = ["Shifting"]


class Shifting:
    """The traffic of one client at one target.

    Args:
        client: whose.
        target: where.
        work: carries out the calls.
        book: the ledger's rows.
        releases: gives the release of a version, with its files.
        tolerance: how far an answer may be from the registered model's.
        compare: how a version is compared before it gets traffic.
    """

    def __init__(
        self,
        client: str,
        target: Target,
        work: Work,
        book: Book,
        *,
        releases: Callable[[int], Release],
        tolerance: float,
        compare: Compare,
    ) -> None:
        self._client, self._target, self._work, self._book = client, target, work, book
        self._releases, self._tolerance, self._compare = releases, tolerance, compare
        self._options = f"--env clients/{client} --target {target.name}"

    def now(self) -> dict[int, int]:
        """Version to percentage, as the target says; those with none are left out."""
        return {version: percent for version, percent in self._work.ask(self._target.traffic).items() if percent > 0}

    def shift(self, version: int, wanted: Mapping[int, int], before: Mapping[int, int]) -> Smoke:
        """Set the traffic, and compare: before it where a version can be asked alone, else after it, and then back."""
        release = self._releases(version)
        if self._target.can_pin:
            compared = self._compared(release)
            self.set(wanted, before)
            return compared
        self.set(wanted, before)
        try:
            return self._compared(release)
        except BaseException:
            if before and dict(before) != dict(wanted):
                with suppress(TargetError):
                    self.set(before, wanted)
            raise

    def _compared(self, release: Release) -> Smoke:
        compared = self._compare(self._work, self._target, release, tolerance=self._tolerance)
        if not compared.ok:
            far = (
                f"up to {compared.difference:.3g} away from the registered model "
                f"(tolerance {compared.tolerance:g}, {compared.rows} rows)"
            )
            raise TargetError(
                f"version {release.version} answers "
                + (f"worse than what serves now: {compared.says}" if compared.says else far),
                where=f"client {self._client}, target {self._target.name} ({self._target.where})",
                hint=f"read its container's log; `kedro deploy status {self._options}` shows who has the traffic",
            )
        return compared

    def set(self, wanted: Mapping[int, int], before: Mapping[int, int]) -> None:
        """Set the traffic, and wait until the target says that it is so."""
        split = {version: percent for version, percent in wanted.items() if percent > 0}
        if dict(before) == split:
            return
        rollout = self._book.rollout()
        operation = self._work.ask(lambda: self._target.split(split))
        if operation:
            self._book.roll(replace(rollout, operation=operation))
            self._work.wait(self._target.poll, operation, "traffic")
            self._book.roll(replace(rollout, operation=""))
        self._work.until(lambda: self.now() == split, "the traffic is not split as asked")
