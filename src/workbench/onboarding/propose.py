"""From a file to a proposal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry
from workbench.clients.model import CLIENT_ID, Task, is_device
from workbench.clients.sources import Source
from workbench.errors import ConfigurationError, DataError, UnknownClient, did_you_mean
from workbench.onboarding.database import find_in_database, is_address
from workbench.onboarding.files import Proposal
from workbench.onboarding.guesses import (
    Guess,
    check_key,
    given_task,
    guess_key,
    guess_metric,
    guess_personal,
    guess_task,
    guess_time,
)
from workbench.onboarding.look import TableLook, look
from workbench.onboarding.names import column_named, is_same
from workbench.onboarding.origin import Origin, find_tables, path_in, source_of
from workbench.schemas.dates import Order
from workbench.scratch import private_folder

__all__ = ["Wishes", "propose"]


@dataclass(frozen=True)
class Wishes:
    """What a person said; what is None is guessed."""

    target: str
    task: Task | None = None
    time_column: str | None = None
    key: tuple[str, ...] = ()
    title: str | None = None
    owner: str | None = None
    table: str | None = None
    user: str | None = None
    password: str | None = None
    date_order: Order | None = None


def propose(project: Path, client: str, given: Path | str, wishes: Wishes) -> tuple[Proposal, Origin]:
    """Look at the data and propose a client.

    Args:
        project: the project's folder.
        client: the id of a client that does not exist.
        given: a CSV or Parquet file, a folder of them, or a database's address; the table with the target is taken.
        wishes: what a person said.

    Returns:
        The proposal, and the file of its table.

    Raises:
        UnknownClient: the id is no slug.
        ConfigurationError: there is such a client, or what was wished for is not in the data.
        DataError: the data cannot be read.
        Unreachable: a database does not answer.
    """
    _check_id(project, client)
    if is_address(given):
        login = {"user": wishes.user, "password": wishes.password}
        origins = find_in_database(project, client, str(given), wishes.table, wishes.target, login)
    else:
        origins = find_tables(Path(given))
    origin, found = _table_with(origins, wishes, client)
    columns = found.columns
    target, key = column_named(columns, wishes.target), tuple(column_named(columns, name) for name in wishes.key)
    chosen_key = Guess(key, "as given") if key else guess_key(found, target)
    if wishes.time_column:
        time: Guess[str | None] = Guess(_time_named(columns, wishes.time_column), "as given")
    else:
        time = guess_time(found, target, chosen_key.value, datetime.now(UTC).date())
    check_key(found, key)
    task = given_task(columns[target], wishes.task) if wishes.task else guess_task(columns[target], found.rows)
    used = [target, *chosen_key.value, *([time.value] if time.value else [])]
    source = _source(origin, project, client, found)
    made = Proposal(
        client=client,
        title=wishes.title or client.replace("_", " ").capitalize(),
        owner=wishes.owner or _owner(project),
        table=origin.table,
        source=source,
        look=found,
        target=target,
        key=chosen_key,
        time=time,
        task=task,
        metric=guess_metric(task.value),
        personal=guess_personal(found, used),
        others=tuple(one.table for one in origins if one != origin),
    )
    return made, origin


def _check_id(project: Path, client: str) -> None:
    if not re.fullmatch(CLIENT_ID, client) or is_device(client):
        raise UnknownClient(
            f"{client[:40]!r} is not a client id: two to forty of a-z, 0-9 and _, a letter first",
            hint="choose another",
        )
    folder = ClientRegistry(project).root / client
    if folder.exists() or folder.is_symlink():
        raise ConfigurationError(
            "there is such a client already",
            where=f"client {client}, {folder}",
            hint="choose another id, or change its files",
        )


def _table_with(origins: Sequence[Origin], wishes: Wishes, client: str) -> tuple[Origin, TableLook]:
    """The table that has the target."""
    target = wishes.target
    from pydantic import TypeAdapter

    from workbench.engines import connection
    from workbench.sources import LINE, PROBLEM, Opening, open_source

    seen: list[str] = []
    with private_folder("look") as scratch:
        for origin in origins:
            opening = Opening(client, origin.table, origin.path.resolve().parent, Path(scratch), connection())
            if origin.kind == "database" and not origin.database:
                continue
            where = f"{opening.where}, {origin.path.name}"
            source: Source = TypeAdapter(Source).validate_python(source_of(origin, Path(origin.path.name), where))
            rows = open_source(source, opening).rows
            names = [name for name in rows.columns if name not in (PROBLEM, LINE)]
            if target in names or any(is_same(target, name) for name in names):
                try:
                    return origin, look(rows, client, origin.table, key=wishes.key, order=wishes.date_order)
                except DataError as error:
                    error.where = error.where or opening.where
                    raise
            seen += names
    raise ConfigurationError(
        f"no table has a column '{target}'",
        where=f"client {client}",
        tried=", ".join(seen[:30]),
        hint=did_you_mean(target, seen, "name another --target"),
    )


def _time_named(columns: dict[str, Any], wished: str) -> str:
    name = column_named(columns, wished)
    kind = columns[name].spec.type
    if kind not in {"date", "timestamp", "int64"}:
        raise ConfigurationError(
            f"column '{name}' is {kind}, which orders no rows in time",
            hint="name another --time-column, or leave it out",
        )
    return name


def _source(origin: Origin, project: Path, client: str, found: TableLook) -> dict[str, Any]:
    source = source_of(origin, path_in(origin, project, client))
    return source | ({"rename": found.renamed} if found.renamed else {})


def _owner(project: Path) -> str:
    """Who most clients here belong to; a name to be corrected if there is none."""
    registry = ClientRegistry(project)
    owners = []
    for name in registry.ids():
        try:
            owners.append(registry.load(name).owner)
        except ConfigurationError:
            continue
    return max(owners, key=owners.count, default="somebody@example.com")
