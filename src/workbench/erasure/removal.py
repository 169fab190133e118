"""The erasure of a whole client: everything that is the client's, in the order in which a killed call can be resumed.

The configuration goes last, since it is what makes the client one; the lock goes after it, and the journal at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.model import CLIENT_ID
from workbench.erasure import certificate, databases, dvc, journal, notebooks, rows, server
from workbench.erasure.limits import beyond_reach, is_mention_of_client
from workbench.erasure.needle import Needle
from workbench.erasure.places import Amount, Place, amount_of, client_places, remove
from workbench.erasure.scan import Proof, scan
from workbench.erasure.temporary import left_behind
from workbench.errors import UnknownClient
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.moving.emptying import drop_all
from workbench.schedules.book import SlotBook
from workbench.signing import signer
from workbench.targets.book import refuse_deployed

__all__ = ["Erased", "erase_client", "plan_client"]


@dataclass(frozen=True)
class Erased:
    """What came of an erasure.

    Attributes:
        certificate: the file.
        record: what it says.
        proof: what the search found.
    """

    certificate: Path
    record: dict[str, Any]
    proof: Proof


def plan_client(project: Path, client: str) -> list[Amount]:
    """What would go, place by place; nothing is changed.

    Raises:
        UnknownClient: no such client, and nothing of one.
    """
    _check(project, client)
    amounts = [amount_of(place) for place in _places(project, client)]
    tables = (
        ("MLflow runs, models and versions", databases.mlflow(project), databases.mlflow_roots(project, client)),
        ("ledger, schedules, receipts", databases.ledger(project), databases.ledger_roots(project, client)),
    )
    for name, database, roots in tables:
        found = sum(rows.count(database, roots).values()) if roots else 0
        amounts.append(Amount(name, rows=found))
    amounts += server.amounts(project, server.find(project, client))
    cleared = notebooks.with_outputs(project, client)
    amounts.append(Amount("outputs of notebooks", files=len(cleared)))
    return [amount for amount in amounts if amount.files or amount.rows or amount.bytes]


def erase_client(project: Path, client: str, by: str) -> Erased:
    """Erase a client, search the project for its id, and certify both.

    Raises:
        UnknownClient: no such client, and nothing of one.
        Busy: a run or a schedule's slot of the client is going on, or a database is in use.
        Transient: an MLflow server does not answer.
    """
    _check(project, client)
    with _locked(project, client) as locks:
        seal = signer(project)
        there = server.find(project, client)
        facts = {"not_erased": beyond_reach(project, client), "server": there.to_dict() if there else None}
        begun = journal.begin(
            project, "client", client, by=by, subject=None, found=plan_client(project, client), facts=facts
        )
        known = begun.facts.get("server")
        there = server.OnServer.from_dict(known) if known else None
        for step in _steps(project, client, there):
            step()
        # That something was done to the client stays on record, under its id alone.
        kept = frozenset([*(lock.path for lock in locks), *audit.files(project), journal.journal_path(project, client)])
        needle = Needle([client])
        proof = scan(project, needle, is_mention=is_mention_of_client(project, client), except_for=kept)
        left, said = server.prove(project, client, there, needle)
        proof.left += left
        path, record = certificate.write(
            project, seal, begun, proof=proof, not_erased=[*said, *begun.facts["not_erased"]], facts={}
        )
        audit.record(project, "client.erased", client=client)
        for lock in locks:
            # A process that opened the file before would lock one that nobody else sees; it finds no client any more.
            lock.path.unlink(missing_ok=True)
        begun.close(project)
    return Erased(path, record, proof)


def _steps(project: Path, client: str, there: server.OnServer | None) -> Iterator[Callable[[], object]]:
    """What is done, in order; each can be done again."""
    # What engines hold goes first: the configuration says which they are.
    yield lambda: drop_all(project, client)
    yield lambda: server.erase(project, there)
    # Logs and artifacts are found by rows of the databases, so files go first.
    yield lambda: remove(path for place in _places(project, client, last=False) for path in place.paths)
    yield lambda: dvc.let_go(project, client, stages=True)
    yield lambda: notebooks.clear(notebooks.with_outputs(project, client))
    yield lambda: rows.erase(databases.mlflow(project), databases.mlflow_roots(project, client))
    yield lambda: rows.erase(databases.ledger(project), databases.ledger_roots(project, client))
    yield lambda: audit.erase(project, client)
    yield lambda: remove([ClientRegistry(project).root / client])


def _places(project: Path, client: str, *, last: bool = True) -> list[Place]:
    found = [
        *client_places(project, client),
        Place("DVC cache and remotes on this machine", dvc.held(project, client).paths),
        Place("copies of notebooks by Jupyter", tuple(notebooks.checkpoints(project, client))),
        Place("temporary folders", tuple(left_behind(Needle([client])))),
        *([Place("configuration", (ClientRegistry(project).root / client,))] if last else []),
    ]
    return [place for place in found if any(path.exists() or path.is_symlink() for path in place.paths)]


def _check(project: Path, client: str) -> None:
    """A client, or what a killed erasure or a careless hand has left of one; none that is served anywhere."""
    refuse_deployed(project, client)
    if not re.fullmatch(CLIENT_ID, client):
        ClientRegistry(project).folder(client)  # says what is wrong with the name
    known = ClientRegistry(project).root / client
    left = [known, project / "data" / client, project / "models" / client, journal.journal_path(project, client)]
    if not any(path.exists() or path.is_symlink() for path in left):
        try:
            ClientRegistry(project).folder(client)
        except UnknownClient as error:
            raise UnknownClient(
                error.what, where=error.where, tried=error.tried, hint="if it was erased, certificates/ says so"
            ) from None


@contextmanager
def _locked(project: Path, client: str) -> Iterator[tuple[ClientLock, ...]]:
    """The right to write what is the client's, and to serve its schedules."""
    locks = (SlotBook(project).lock(client), ClientLock(state_folder(project), client))
    taken: list[ClientLock] = []
    try:
        for lock in locks:
            lock.acquire("erase")
            taken.append(lock)
        yield locks
    finally:
        for lock in reversed(taken):
            lock.release()
