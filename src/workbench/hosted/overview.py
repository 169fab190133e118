"""What a client has at its service, as the ledger and the service tell it; and the way to stop what costs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import audit
from workbench.errors import ConfigurationError
from workbench.hosted import files, jobs
from workbench.hosted.ledger import book_of, sought
from workbench.hosted.session import Session, open_session
from workbench.targets.azure_openai.evaluations import DEPLOYMENT, keep, leftovers, remove
from workbench.targets.azure_openai.parts import DeploymentPart
from workbench.targets.azure_openai.translate import NotThere

if TYPE_CHECKING:
    from workbench.clients.targets import AzureOpenAITarget
    from workbench.targets.azure_openai.arm import Arm
    from workbench.targets.book import Resource
    from workbench.targets.working import Work

__all__ = ["Thing", "arm_of", "cancel", "clear", "deploying", "look", "running", "settle", "take_down"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Thing:
    """One thing at the service.

    Attributes:
        kind: ``file``, ``tuning_job``, ``deployment``.
        name: ours.
        state: of the ledger: ``planned``, ``created``, ``deleting``.
        remote: the service's id.
        status: what the service says of it now; empty where it was not asked.
        detail: what a person wants to know beside it.
    """

    kind: str
    name: str
    state: str
    remote: str
    status: str = ""
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


def look(project: Path, client: str) -> list[Thing]:
    """What there is, in the order in which it was made; jobs and deployments as the service has them now."""
    rows = book_of(project, client).resources()
    if not rows:
        return []
    session = open_session(project, client)
    try:
        return [_thing(session, project, row) for row in rows]
    finally:
        session.close()


def running(things: list[Thing]) -> list[Thing]:
    """The jobs that have not ended."""
    return [one for one in things if one.kind == jobs.KIND and one.remote and one.status not in {*jobs.ENDED, "gone"}]


def cancel(project: Path, client: str, things: list[Thing]) -> None:
    """Stop jobs; what was trained until now may be billed. The next run of ``tune`` starts a new one."""
    session, book = open_session(project, client), book_of(project, client)
    try:
        for one in things:
            jobs.cancel(session, one.remote)
            book.note(one.kind, one.name, "gone")
            audit.record(project, "tuning.cancelled", client=client, job=one.remote)
    finally:
        session.close()


def take_down(project: Path, client: str, name: str) -> bool:
    """Remove a deployment that a tuning brought up; false if there was none.

    Raises:
        ConfigurationError: the ledger does not know it, so it is not ours to remove.
    """
    row = book_of(project, client).find(DEPLOYMENT, name)
    if row is None:
        known = ", ".join(one.name for one in book_of(project, client).resources() if one.kind == DEPLOYMENT)
        raise ConfigurationError(
            f"deployment '{name[:70]}' was made by no tuning of this client",
            where=f"client {client}",
            tried=known or "there is none",
            hint=f"`kedro tune status --env clients/{client}`",
        )
    session = open_session(project, client)
    try:
        with deploying(session, project) as work, closing(arm_of(session)) as arm:
            return remove(project, work, arm, name)
    finally:
        session.close()


def clear(project: Path, client: str, things: list[Thing]) -> None:
    """Take down whatever tunings have made: running jobs are cancelled, deployments and uploaded files removed.

    Tuned models stay at the service, and cost nothing there; who tunes with the same examples again gets them back.
    """
    cancel(project, client, running(things))
    session, book = open_session(project, client), book_of(project, client)
    try:
        for one in reversed(things):
            if one.kind == DEPLOYMENT:
                take_down(project, client, one.name)
                continue
            if one.kind == files.KIND and one.remote:
                files.remove(session, one.remote)
            book.note(one.kind, one.name, "gone")
    finally:
        session.close()
    audit.record(project, "tuning.cleared", client=client, things=len(things))


def settle(session: Session, project: Path, name: str, *, keep_it: bool = False) -> None:
    """After a comparison: take down its deployment, and those of earlier ones that did not come so far.

    Args:
        name: of the deployment.
        keep_it: leave it up instead, and note that; the next tuning and a target leave it alone, too.
    """
    if session.azure is None:
        return
    book = book_of(project, session.client)
    if keep_it:
        keep(book, name)
        return
    names = [row.name for row in leftovers(book)]
    with deploying(session, project) as work, closing(arm_of(session)) as arm:
        for one in dict.fromkeys([name, *names]):
            if remove(project, work, arm, one):
                _LOG.info("deployment %s was taken down: the comparison is done, and it costs by the hour", one)


@contextmanager
def deploying(session: Session, project: Path) -> Iterator[Work]:
    """Who brings deployments up and takes them down, with the ledger's rows of tuning.

    Raises:
        ConfigurationError: the client's service has no deployments.
    """
    from workbench.hosted.progress import SpokenWaiting
    from workbench.targets.azure_openai.target import AzureOpenAI
    from workbench.targets.working import Work

    azure = azure_of(session)
    target = AzureOpenAI(session.client, str(session.hosted.target), azure, session.secrets)
    try:
        yield Work(
            target,
            session.client,
            book_of(project, session.client),
            SpokenWaiting(),
            poll_seconds=azure.poll_seconds,
            deadline_seconds=azure.deadline_seconds,
            scale=session.scale,
        )
    finally:
        target.close()


def _thing(session: Session, project: Path, row: Resource) -> Thing:
    status, detail, remote = "", "", _remote(session, row)
    if row.kind == jobs.KIND and remote:
        detail = str(row.facts.get("model", ""))
        with suppress(NotThere):
            job = jobs.retrieve(session, remote)
            status, detail = job.status, job.fine_tuned_model or detail
        status = status or "gone"
    elif row.kind == DEPLOYMENT:
        detail = str(row.facts.get("model", ""))
        with deploying(session, project) as work, closing(arm_of(session)) as arm:
            found = work.find(DeploymentPart(arm, row.name, "", leaving=True))
        status = "gone" if found is None else "up" if found.ready else "coming up"
    return Thing(row.kind, row.name, row.state, remote, status, detail)


def _remote(session: Session, row: Resource) -> str:
    """The service's id; of what a process asked for that died before the answer, as the service lists it."""
    finds: dict[str, Callable[[], str | None]] = {
        jobs.KIND: lambda: jobs.find(session, row.name, row.facts),
        files.KIND: lambda: files.find(session, row.name, int(row.facts["bytes"])),
    }
    find = finds.get(row.kind)
    return sought(row, find, session.hosted.settle_seconds, session.scale) if find is not None else row.remote


def arm_of(session: Session) -> Arm:
    """The resource manager of a client's account.

    Raises:
        ConfigurationError: the client's service has no deployments.
    """
    from workbench.targets.azure_openai.arm import Arm

    return Arm(session.client, azure_of(session), session.secrets)


def azure_of(session: Session) -> AzureOpenAITarget:
    """The Azure account that tuned models come up in.

    Raises:
        ConfigurationError: the client's service has no deployments.
    """
    if session.azure is None:
        raise ConfigurationError(
            "has deployments of its tunings in an Azure account, and `hosted` names none now",
            where=f"client {session.client}",
            tried=f"hosted.service: {session.hosted.service}, hosted.target: {session.hosted.target or 'none'}",
            hint="name the account in `hosted` again until `kedro tune down --all` has taken them down",
        )
    return session.azure
