"""Plan, apply, canary, promote, roll back, destroy: the same for every target.

Every command may be killed at any moment and given again. It then finds what was begun: the ledger is written before
each call that changes something, names follow from client and version, and the traffic is read from the target, which
alone knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from workbench import audit
from workbench.errors import OverBudget, TargetError
from workbench.targets.book import Book, Rollout
from workbench.targets.done import Done
from workbench.targets.moves import Moves
from workbench.targets.plan import Plan, refuse_anothers, step_of
from workbench.targets.prices import Prices
from workbench.targets.protocol import Target
from workbench.targets.release import Release
from workbench.targets.shifting import Shifting
from workbench.targets.smoke import Compare, smoke
from workbench.targets.status import PartStatus, Status
from workbench.targets.working import Work

__all__ = ["Deployment", "Done"]


class Deployment:
    """One client at one target.

    Args:
        project: the project's folder.
        client: whose.
        target: where.
        work: carries out the calls.
        prices: what a month costs.
        releases: gives the release of a version, with its files.
        tolerance: how far an answer may be from the registered model's.
        budget: the most that it may cost a month, in the prices' currency.
        compare: how a version is compared before it gets traffic.
        supersede: called when what serves a release is up; takes down what only came before it.
    """

    def __init__(
        self,
        project: Path,
        client: str,
        target: Target,
        work: Work,
        book: Book,
        *,
        prices: Prices,
        releases: Callable[[int], Release],
        tolerance: float,
        budget: float | None = None,
        compare: Compare = smoke,
        supersede: Callable[[Release], None] = lambda _: None,
    ) -> None:
        self._project, self._client, self._target, self._work, self._book = project, client, target, work, book
        self._prices, self._budget, self._supersede = prices, budget, supersede
        self._options = f"--env clients/{client} --target {target.name}"
        self._traffic = Shifting(client, target, work, book, releases=releases, tolerance=tolerance, compare=compare)

    @property
    def caution(self) -> str:
        """What a person has to know of the traffic there."""
        return self._target.caution

    # ---- looking ----------------------------------------------------------------------------------------------------

    def plan(self, release: Release) -> Plan:
        """What :meth:`apply` would do; nothing is changed.

        Raises:
            TargetError: something there is another's.
        """
        steps = []
        for part in self._target.parts(release):
            found = self._work.find(part)
            row = self._book.find(part.kind, part.name)
            steps.append(step_of(part, found, begun=row is not None and row.state == "planned"))
        traffic = self._traffic.now()
        served = len({*traffic, *self._book.rollout().versions, release.version})
        return Plan(
            release,
            self._target.name,
            self._target.where,
            tuple(steps),
            traffic,
            traffic or {release.version: 100},
            self._target.cost(self._prices),
            served,
            self._budget,
        )

    def status(self) -> Status:
        """What there is, in the ledger and at the target."""
        parts = []
        for row in self._book.resources():
            part = next(
                (
                    one
                    for one in self._target.parts(Release(self._client, row.version or 1))
                    if (one.kind, one.name) == (row.kind, row.name)
                ),
                None,
            )
            found = self._work.ask(part.find) if part is not None else None
            if part is not None and found is not None:
                refuse_anothers(self._target, self._client, part, found)
            state = "missing" if found is None else "ready" if found.ready else "working"
            parts.append(PartStatus(row.kind, row.name, row.version, row.state, state, found.id if found else ""))
        return Status(
            self._client,
            self._target.name,
            self._target.where,
            self._traffic.now(),
            self._book.rollout(),
            tuple(parts),
            self.caution,
        )

    def moves(self) -> Moves:
        """How the traffic could be changed now."""
        return Moves(self._client, self._target.name, self._book.rollout(), self._traffic.now())

    # ---- changing ---------------------------------------------------------------------------------------------------

    def apply(self, release: Release, *, planned: str | None = None) -> Done:
        """Make everything that serving a release takes. The first gets all traffic; a later one none yet.

        Args:
            release: what is to be served.
            planned: the digest of the plan that a person has read.

        Raises:
            OverBudget: it would cost more than the client's configuration allows.
            TargetError: things are not as they were when the plan was made, something is another's, was refused, or
                the first version does not answer as the registered model does.
        """
        rollout = self._settled()
        plan = self.plan(release)
        self._refuse(plan, planned)
        if plan.is_empty and release.version in rollout.versions:
            return Done(False, plan.traffic, rollout)
        audit.record(
            self._project, "deployment.applied", client=self._client, target=self._target.name, version=release.version
        )
        for part in self._target.parts(release):
            self._work.ensure(part)
        self._supersede(release)
        traffic = self._traffic.now()
        if rollout.stable is None or not traffic:
            return self._first(release, rollout, traffic)
        if release.version != rollout.stable:
            rollout = replace(rollout, candidate=release.version)
            self._book.roll(rollout)
        return Done(True, traffic, rollout, removed=self._retire(rollout, traffic))

    def canary(self, percent: int) -> Done:
        """Give the candidate a share of the traffic, after it was compared with the registered model.

        Raises:
            TargetError: there is no candidate, or it does not answer as the registered model does; the traffic is as
                it was.
        """
        self._settled()
        moves = self.moves()
        move = moves.canary(percent)
        compared = self._traffic.shift(move.version, move.traffic, moves.now)
        self._record("canary", move.version, percent)
        return Done(True, self._traffic.now(), moves.rollout, compared)

    def promote(self) -> Done:
        """Give the candidate all traffic; the version before stays for the way back, older ones are taken down.

        Raises:
            TargetError: there is no candidate, or it does not answer as the registered model does.
        """
        self._settled()
        moves = self.moves()
        move = moves.promotion()
        if move is None:
            return Done(False, moves.now, moves.rollout, removed=self._retire(moves.rollout, moves.now))
        compared = self._traffic.shift(move.version, move.traffic, moves.now)
        rollout = Rollout(move.version, None, moves.rollout.stable)
        self._book.roll(rollout)
        self._record("promoted", move.version, 100)
        traffic = self._traffic.now()
        return Done(True, traffic, rollout, compared, self._retire(rollout, traffic))

    def rollback(self) -> Done:
        """Take the traffic back: from a canary to the stable version, or from the stable version to the one before.

        Nothing is compared: what served before is trusted, and it has to go fast.

        Raises:
            TargetError: there is nothing to go back to.
        """
        move = self.moves().rollback()
        return Done(True, move.traffic, self._go_back(move.version))

    def destroy(self) -> Done:
        """Take down all that there is, in the ledger or at the target, of all versions."""
        rows = self._book.resources()
        versions = {*self._versions(), *(row.version for row in rows if row.version is not None)}
        audit.record(self._project, "deployment.destroyed", client=self._client, target=self._target.name)
        changed = False
        traffic = self._traffic.now()
        versions |= set(traffic)
        # What has traffic cannot be taken down, unless it has all of it.
        last = max(traffic, key=lambda version: traffic[version], default=None)
        if last is not None:
            self._traffic.set({last: 100}, traffic)
        for version in sorted(versions, key=lambda version: (version == last, version)):
            changed |= self._remove(version)
        shared = [part for part in self._target.parts(Release(self._client, 1)) if part.version is None]
        for part in reversed(shared):
            changed |= self._work.remove(part)
        self._book.roll(Rollout())
        return Done(changed, {}, Rollout(), removed=tuple(sorted(versions)))

    # ---- how --------------------------------------------------------------------------------------------------------

    def _go_back(self, version: int) -> Rollout:
        """Give a version all traffic.

        That it is to get it is written down first: who was killed in between, and looked at the traffic alone, would
        take the version that it has just left for the one to go back to.
        """
        rollout = self._book.rollout()
        self._book.roll(replace(rollout, going_back=version))
        self._traffic.set({version: 100}, self._traffic.now())
        previous = rollout.previous if version == rollout.stable else None
        settled = Rollout(version, None, previous)
        self._book.roll(settled)
        self._record("rolled back", version, 100)
        return settled

    def _settled(self) -> Rollout:
        """Which version plays which part, after a rollback that was interrupted has come to its end."""
        rollout = self._book.rollout()
        return rollout if rollout.going_back is None else self._go_back(rollout.going_back)

    def _first(self, release: Release, rollout: Rollout, traffic: Mapping[int, int]) -> Done:
        compared = self._traffic.shift(release.version, {release.version: 100}, traffic)
        rollout = Rollout(release.version, None, rollout.previous if rollout.previous != release.version else None)
        self._book.roll(rollout)
        self._record("promoted", release.version, 100)
        traffic = self._traffic.now()
        return Done(True, traffic, rollout, compared, self._retire(rollout, traffic))

    def _retire(self, rollout: Rollout, traffic: Mapping[int, int]) -> tuple[int, ...]:
        """Take down the versions that play no part any more."""
        rows = [row.version for row in self._book.resources() if row.version is not None]
        old = {*self._versions(), *rows} - {*rollout.versions, *traffic}
        for version in sorted(old):
            self._remove(version)
        return tuple(sorted(old))

    def _remove(self, version: int) -> bool:
        parts = [part for part in self._target.parts(Release(self._client, version)) if part.version is not None]
        removed = [self._work.remove(part) for part in reversed(parts)]
        return any(removed)

    def _versions(self) -> Iterable[int]:
        return self._work.ask(self._target.versions)

    def _refuse(self, plan: Plan, planned: str | None) -> None:
        where = f"client {self._client}, target {self._target.name} ({self._target.where})"
        if planned is not None and planned != plan.digest:
            raise TargetError(
                f"things are not as they were when plan {planned} was made; it would be {plan.digest} now",
                where=where,
                hint=f"read it again: `kedro deploy plan {self._options}`",
            )
        if self._budget is not None and plan.monthly > self._budget:
            raise OverBudget(
                f"it would cost {plan.monthly:,.2f} {plan.cost.currency} a month for {plan.served} served "
                f"version{'s' if plan.served != 1 else ''}, and `budgets.serving_monthly` allows {self._budget:,.2f}",
                where=where,
                hint="take a smaller machine, raise the budget in client.yml, or see `kedro deploy plan --target all`",
            )

    def _record(self, action: str, version: int | None, percent: int) -> None:
        audit.record(
            self._project,
            f"deployment.{action.replace(' ', '_')}",
            client=self._client,
            target=self._target.name,
            version=version or 0,
            percent=percent,
        )
