"""The erasure of one subject of a client: its rows, every copy that could hold them, and its way back in.

The order makes a killed call one that can be given again: first it is written down what is begun, then the subject may
not come in any more, then the models are marked, and then the rows go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.tombstones import Stone, Tombstones, read_tombstones, write_tombstones
from workbench.erasure import certificate, dvc, journal, landing, notebooks, server
from workbench.erasure.limits import beyond_reach, is_of_another_client
from workbench.erasure.needle import Needle
from workbench.erasure.places import Amount, Place, amount_of, files_below, logs_of, remove
from workbench.erasure.removal import Erased
from workbench.erasure.scan import Hit, Proof, scan
from workbench.erasure.subject import Subject, columns_in, subject_of, tables_of
from workbench.erasure.tables import affected, keys_of, rewrite
from workbench.erasure.temporary import left_behind
from workbench.files import sweep
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.moving.emptying import drop_all
from workbench.registry import local_store
from workbench.registry.retraining import mark
from workbench.signing import signer

__all__ = ["Wanted", "forget_subject", "plan_subject"]


@dataclass(frozen=True)
class Wanted:
    """What a person asks for: columns are names, or ``table.column``; none means the client's key."""

    client: str
    subject: str
    columns: tuple[str, ...] = ()


def plan_subject(project: Path, wanted: Wanted) -> list[Amount]:
    """What would go, place by place; nothing is changed.

    Raises:
        UnknownClient: there is no such client.
        ConfigurationError: it is not clear where the key stands.
        DataError: a table cannot be read.
    """
    return _found(project, subject_of(project, wanted.client, wanted.subject, wanted.columns))


def forget_subject(project: Path, wanted: Wanted, by: str) -> Erased:
    """Erase a subject, search the project for its key, and certify both.

    Raises:
        UnknownClient: there is no such client.
        ConfigurationError: it is not clear where the key stands, or another erasure is not finished.
        DataError: a table or a file cannot be read.
        Busy: a run of the client is going on.
    """
    client = wanted.client
    ClientRegistry(project).folder(client)
    lock = ClientLock(state_folder(project), client)
    lock.acquire("forget")
    try:
        for folder in [data := project / "data" / client, *(path for path in data.rglob("*") if path.is_dir())]:
            sweep(folder)  # a killed writer's old folder may be the only whole one
        subject = subject_of(project, client, wanted.subject, wanted.columns)
        seal = signer(project)
        begun = journal.begin(
            project, "subject", client, by=by, subject=subject.value, found=_found(project, subject),
            facts={"not_erased": beyond_reach(project, client), "linked": len(keys_of(project, subject))},
        )  # fmt: skip
        _bury(project, subject)
        marked = mark(project, client, "rows that it may have learned from were erased") if _had_rows(begun) else []
        _erase(project, subject)
        proof, said = _prove(project, subject)
        path, record = certificate.write(
            project, seal, begun, proof=proof, not_erased=[*begun.facts["not_erased"], *said], facts={"retrain": marked}
        )
        begun.close(project)
        audit.record(project, "subject.forgotten", client=client, certificate=path.name)
    finally:
        lock.release()
    return Erased(path, record, proof)


def _found(project: Path, subject: Subject) -> list[Amount]:
    tables = affected(project, subject, landing.renames(project, subject.client))
    found = [Amount(one.path.relative_to(project).as_posix(), 1, one.rows, one.path.stat().st_size) for one in tables]
    for path, (table, source) in landing.csv_files(project, subject.client).items():
        rows = landing.records_of(path, table, source, subject)
        found.append(Amount(path.relative_to(project).as_posix(), 1, rows, path.stat().st_size) if rows else Amount(""))
    found += [amount_of(place) for place in _wholes(project, subject)]
    found.append(Amount("MLflow server: artifacts but the models", len(server.examples(project, subject.client))))
    found.append(Amount("outputs of notebooks", len(notebooks.with_outputs(project, subject.client))))
    return [amount for amount in found if amount.files]


def _had_rows(begun: journal.Journal) -> bool:
    return any(amount.rows for amount in begun.found if amount.place.startswith("data/"))


def _bury(project: Path, subject: Subject) -> None:
    """Tombstones for the subject's key, and for the client's keys of its rows in tables that have no other."""
    folder = ClientRegistry(project).folder(subject.client)
    known = read_tombstones(folder) or write_tombstones(folder, (), None)
    stones = [
        Stone(table, (column,), (subject.whole_number,), (known.digest([subject.value]),))
        for table, column in subject.columns
    ]
    write_tombstones(folder, [*stones, *_linked_stones(project, subject, known)], known)


def _linked_stones(project: Path, subject: Subject, known: Tombstones) -> Iterator[Stone]:
    keys = keys_of(project, subject)
    if keys:
        types = columns_in(project, subject.client)
        numbers = tuple(
            all("INT" in kind for (_, name), kind in types.items() if name == column) for column in subject.key
        )
        digests = tuple(sorted(known.digest(key) for key in keys))
        yield Stone(None, subject.key, numbers, digests)


def _erase(project: Path, subject: Subject) -> None:
    drop_all(project, subject.client)  # copies of the files; the next run sends them again, without the subject
    for place in _wholes(project, subject):
        remove(place.paths)
    server.erase_files(project, server.examples(project, subject.client))
    dvc.let_go(project, subject.client, stages=False)
    notebooks.clear(notebooks.with_outputs(project, subject.client))
    for one in affected(project, subject, landing.renames(project, subject.client)):
        rewrite(one)
    for path, (table, source) in landing.csv_files(project, subject.client).items():
        if landing.records_of(path, table, source, subject):
            landing.rewrite_csv(path, table, source, subject)


def _wholes(project: Path, subject: Subject) -> list[Place]:
    """What could hold a value of the subject and cannot be edited: it is made again by the next run."""
    client = subject.client
    data = project / "data" / client
    pages = data / "08_reporting"
    edited = {*tables_of(project, client), *landing.csv_files(project, client), data / "04_feature" / "features.json"}
    copies = [
        path
        for path in sorted(files_below([data]))
        if path not in edited and path.relative_to(data).parts[0] not in {"00_landing", "08_reporting"}
    ]
    artifacts = local_store.artifacts(project) / client
    places = [
        Place("reports and their numbers", tuple(sorted(pages.iterdir())) if pages.is_dir() else ()),
        Place("staged tables, and files that cannot be edited", tuple(copies)),
        Place("reports delivered to a folder of the project", (project / "deliveries" / client,)),
        Place("models that are no version", (project / "models" / client,)),
        Place("MLflow artifacts but the models", tuple(path for path in artifacts.rglob("*") if _could_hold(path))),
        Place("DVC cache and remotes on this machine", dvc.held(project, client).paths),
        Place("copies of notebooks by Jupyter", tuple(notebooks.checkpoints(project, client))),
        Place("logs", tuple(logs_of(project, client))),
        Place("temporary folders", tuple(left_behind(_needle(subject))) if _needle(subject).is_distinctive else ()),
    ]
    return [place for place in places if any(path.exists() or path.is_symlink() for path in place.paths)]


def _could_hold(path: Path) -> bool:
    """An artifact that may show values: examples of rows, and what an evaluation found; not a model's own files."""
    return path.is_file() and server.could_hold("/".join(path.parts[path.parts.index("artifacts") + 1 :]))


def _needle(subject: Subject) -> Needle:
    return Needle([subject.value], word="A-Za-z0-9_.@-" if "@" in subject.value else "A-Za-z0-9_.")


def _prove(project: Path, subject: Subject) -> tuple[Proof, list[str]]:
    """Search for the key; one that is too short for free texts is looked for in its columns only."""
    needle = _needle(subject)
    kept = frozenset({ClientLock(state_folder(project), subject.client).path})
    if needle.is_distinctive:
        proof = scan(project, needle, is_mention=is_of_another_client(project, subject.client), except_for=kept)
        said = []
    else:
        proof = Proof()
        said = ["the key is too short to be searched for in free texts; its columns were searched, in every table"]
    still = server.examples(project, subject.client)
    proof.left += [Hit(f"MLflow server, {address}", f"artifact {path}") for address, path in still]
    rest = affected(project, subject, landing.renames(project, subject.client))
    proof.left += [Hit(one.path.relative_to(project).as_posix(), f"{one.rows} rows") for one in rest]
    return proof, said
