"""Deployments that a tuning brings up to compare its model, and that have no use once that is done.

A tuned model's deployment costs by the hour, asked or not. Its name cannot be changed, so what compared a model is not
what serves it: the target has one of its own (``workbench-<client>-v<version>``). That of the comparison is taken down
when the comparison has ended; if that was interrupted, by the next tuning, or when the model is applied to a target.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import audit
from workbench.targets.azure_openai.parts import DeploymentPart
from workbench.targets.azure_openai.release import LanguageRelease
from workbench.targets.book import TUNING, Book, Resource

if TYPE_CHECKING:
    from workbench.targets.azure_openai.arm import Arm
    from workbench.targets.release import Release
    from workbench.targets.working import Work

__all__ = ["DEPLOYMENT", "KEPT", "keep", "leftovers", "remove", "superseding"]

DEPLOYMENT = "deployment"
KEPT = "kept"
"""The fact of a row whose deployment is to stay up, as the client's parameters said."""


def leftovers(book: Book) -> list[Resource]:
    """The deployments of a client's tunings that are up, or may be, and that nobody asked to keep."""
    return [row for row in book.resources() if row.kind == DEPLOYMENT and not row.facts.get(KEPT)]


def keep(book: Book, name: str) -> None:
    """Let a deployment stay up that is there."""
    row = book.find(DEPLOYMENT, name)
    if row is not None and row.state == "created" and not row.facts.get(KEPT):
        book.plan(DEPLOYMENT, name, None, {**row.facts, KEPT: True})
        book.note(DEPLOYMENT, name, "created")


def remove(project: Path, work: Work, arm: Arm, name: str, model: str = "") -> bool:
    """Take one down; whether it was there."""
    removed = work.remove(DeploymentPart(arm, name, model, leaving=True))
    if removed:
        audit.record(project, "tuning.deployment_removed", client=arm.client, deployment=name)
    return removed


def superseding(project: Path, arm: Arm, work: Work) -> Callable[[Release], None]:
    """What is done when a release is up under its own name: the deployment that compared its model is taken down.

    Args:
        work: with the ledger's rows of tunings.
    """

    def settle(release: Release) -> None:
        if not isinstance(release, LanguageRelease) or release.record is None:
            return
        for row in leftovers(Book(project, arm.client, TUNING)):
            if row.facts.get("model") == release.record.model:
                remove(project, work, arm, row.name, release.record.model)

    return settle
