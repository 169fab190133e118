"""Plan a move, make it, finish it, or take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.editing import with_key
from workbench.clients.engines import DuckdbEngine, Engine
from workbench.engines import Warehouse, open_warehouse
from workbench.errors import ConfigurationError
from workbench.files import sweep, write_text
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.moving import journal as journals
from workbench.moving.copying import compare, copy, give_way, refuse_same_storage, settle, take_back
from workbench.moving.journal import Journal
from workbench.moving.tables import primary_of, tables_of

__all__ = ["finish", "go_back", "move", "plan"]

Report = Callable[[str], None]


def plan(project: Path, client: str, target: Engine) -> Journal:
    """What a move would copy, or what one that was begun has copied; nothing is changed and no engine is asked.

    Raises:
        UnknownClient: no such client.
        ConfigurationError: it is there already, or another move was begun.
    """
    known = journals.read(project, client)
    if known is not None:
        _same(known, target)
        return known
    registry = ClientRegistry(project)
    source = registry.load(client).engine
    if _place(source, client) == _place(target, client):
        raise ConfigurationError(
            f"the tables are in {_place(target, client)} already", where=f"client {client}", hint="nothing has to move"
        )
    before = (registry.folder(client) / "client.yml").read_bytes().decode()
    primary = next((table for table in tables_of(project, client) if table.layer == "primary"), None)
    return Journal(
        client,
        _said(source),
        _said(target),
        before=before,
        places=None if primary is None else primary.places,
    )


def move(project: Path, client: str, target: Engine, report: Report = lambda _: None) -> Journal:
    """Copy and compare every table, then switch client.yml; or go on where a killed move was.

    Args:
        project: the project's folder.
        client: a registered client.
        target: the engine that it gets.
        report: told of each table before it is copied.

    Raises:
        UnknownClient: no such client.
        ConfigurationError: it is there already, another move was begun, or client.yml cannot be edited.
        DataError: a copy is not what was copied; the client stays where it is.
        Busy: a run of the client is going on.
        Unreachable: an engine does not answer.
    """
    with _locked(project, client):
        known = journals.read(project, client)
        made = plan(project, client, target)
        if known is None:
            _new_text(project, made)  # what cannot be switched is not copied either
            audit.record(project, "client.move.begun", client=client, **_facts(made))
            journals.write(project, made)
        if made.step == "copying":
            made = _copied(project, made, report)
        if made.step == "switching":
            settle(project, made, _opened(project, made, made.new))
            write_text(_file(project, client), _new_text(project, made))
            # The record first: of a step that is taken twice there may be two, but there is never none.
            audit.record(project, "client.move.switched", client=client, **_facts(made))
            made = journals.write(project, made.at("switched"))
        return made


def finish(project: Path, client: str) -> Journal:
    """Remove what the old engine holds of the client; there is no way back from here.

    Raises:
        ConfigurationError: no move was begun, or it has not switched yet.
    """
    with _locked(project, client):
        made = _begun(project, client)
        if made.step not in {"switched", "finishing"}:
            raise ConfigurationError(
                "the move has not come to its end",
                where=f"client {client}",
                hint=f"`kedro client move {client} --engine {made.new.kind}` goes on, `--back` goes back",
            )
        journals.write(project, made.at("finishing"))
        source, target = _opened(project, made, made.old), _opened(project, made, made.new)
        refuse_same_storage(client, source, target)
        give_way(project, made, source, target)
        audit.record(project, "client.move.finished", client=client, **_facts(made))
        journals.drop(project, client)
        return made


def go_back(project: Path, client: str) -> Journal:
    """Switch client.yml back and remove what was copied; the old engine still has everything.

    Raises:
        ConfigurationError: no move was begun, or it is being finished.
    """
    with _locked(project, client):
        made = _begun(project, client)
        if made.step == "finishing":
            raise ConfigurationError(
                "the old tables are being removed, so there is no way back",
                where=f"client {client}",
                hint=f"`kedro client move {client} --finish`, then move it back",
            )
        journals.write(project, made.at("returning"))
        write_text(_file(project, client), _old_text(project, made))
        take_back(project, made, _opened(project, made, made.old), _opened(project, made, made.new))
        audit.record(project, "client.move.taken_back", client=client, **_facts(made))
        journals.drop(project, client)
        return made


def _copied(project: Path, made: Journal, report: Report) -> Journal:
    source, target = _opened(project, made, made.old), _opened(project, made, made.new)
    refuse_same_storage(made.client, source, target)
    for table in tables_of(project, made.client):
        report(table.label)
        if table.label in made.tables and compare(table, source, target, made.tables[table.label]):
            continue
        made = journals.write(project, made.having(table.label, copy(project, made.client, table, source, target)))
    return journals.write(project, made.at("switching"))


def _opened(project: Path, made: Journal, settings: Engine) -> Warehouse | None:
    return None if isinstance(settings, DuckdbEngine) else open_warehouse(project, made.client, settings)


def _new_text(project: Path, made: Journal) -> str:
    file = _file(project, made.client)
    said = "duckdb" if isinstance(made.new, DuckdbEngine) else made.target
    return with_key(file.read_bytes().decode(), "engine", said, after="recipe", where=file)


def _old_text(project: Path, made: Journal) -> str:
    """client.yml as it was; if somebody changed something else in it since, that stays."""
    file = _file(project, made.client)
    now = file.read_bytes().decode()
    old = "duckdb" if isinstance(made.old, DuckdbEngine) else made.source
    switched = with_key(
        made.before, "engine", "duckdb" if made.new.kind == "duckdb" else made.target, after="recipe", where=file
    )
    if now in {made.before, switched}:
        return made.before
    return with_key(now, "engine", old, after="recipe", where=file)


def _file(project: Path, client: str) -> Path:
    return ClientRegistry(project).folder(client) / "client.yml"


def _said(settings: Engine) -> dict[str, object]:
    return {"kind": settings.kind, **settings.model_dump(mode="json", exclude_defaults=True)}


def _place(settings: Engine, client: str) -> str:
    if isinstance(settings, DuckdbEngine):
        return settings.location
    return f"{settings.location}/{settings.namespace or client}"


def _facts(made: Journal) -> dict[str, audit.Fact]:
    rows = sum(record.rows for record in made.tables.values())
    old, new = (_place(settings, made.client) for settings in (made.old, made.new))
    return {"from": old, "to": new, "tables": len(made.tables), "rows": rows}


def _same(known: Journal, target: Engine) -> None:
    if known.new != target or known.step in {"finishing", "returning"}:
        hint = {"finishing": "--finish", "returning": "--back"}.get(
            known.step, f"--engine {known.new.kind}` or `--back"
        )
        raise ConfigurationError(
            f"a move to {known.new.kind} was begun and has not ended (it is {known.step})",
            where=f"client {known.client}",
            hint=f"`kedro client move {known.client} {hint}`",
        )


def _begun(project: Path, client: str) -> Journal:
    ClientRegistry(project).folder(client)
    known = journals.read(project, client)
    if known is None:
        raise ConfigurationError(
            "no move was begun", where=f"client {client}", hint=f"`kedro client move {client} --engine …` begins one"
        )
    return known


@contextmanager
def _locked(project: Path, client: str) -> Iterator[None]:
    """Nobody else writes what is the client's; what a killed move left half-written is gone."""
    conf = ClientRegistry(project).folder(client)
    lock = ClientLock(state_folder(project), client)
    lock.acquire("move")
    try:
        for folder in (conf, journals.folder_of(project, client), primary_of(project, client).parent):
            sweep(folder)
        yield
    finally:
        lock.release()
