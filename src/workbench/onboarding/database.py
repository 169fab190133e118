"""From the address of a database to the table that a new client is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.clients.sources import DatabaseSource
from workbench.errors import ConfigurationError, DataError, did_you_mean
from workbench.onboarding.origin import Origin, table_name
from workbench.scratch import private_folder

__all__ = ["find_in_database", "is_address"]


def is_address(given: Path | str) -> bool:
    """Whether it is the address of something, and no file."""
    return isinstance(given, str) and "://" in given


def find_in_database(  # noqa: PLR0917
    project: Path, client: str, url: str, table: str | None, target: str, login: dict[str, str | None]
) -> list[Origin]:
    """The table to take, and after it the names of the others.

    Raises:
        ConfigurationError: the address cannot be used, or several tables have the target.
        DataError: there is no such table.
        Unreachable: the server does not answer.
    """
    settings: dict[str, Any] = {"url": url} | {name: value for name, value in login.items() if value is not None}
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else Path()
    tables = _tables(project, client, settings, file)
    chosen = table or _with_target(tables, target)
    if chosen not in tables:
        raise DataError(
            f"the database has no table '{chosen}'",
            where=f"client {client}, {url}",
            tried=", ".join(list(tables)[:30]),
            hint=did_you_mean(chosen, tables, "name another --table"),
        )
    first = Origin(table_name(chosen.rpartition(".")[2]), file, "database", settings | {"table": chosen})
    others = [Origin(table_name(name), file, "database") for name in tables if name != chosen]
    return [first, *others]


def _tables(project: Path, client: str, settings: dict[str, Any], file: Path) -> dict[str, list[str]]:
    from workbench.engines import connection
    from workbench.sources import Opening
    from workbench.sources.database import columns_by_table, is_sqlite, opened_database

    is_file = file != Path()
    here = settings | ({"url": f"sqlite:///{file.name}"} if is_file else {})
    source = _source(client, here)
    with private_folder("look") as scratch:
        home = file.resolve().parent if is_file else project
        with opened_database(source, Opening(client, "?", home, Path(scratch), connection())) as cursor:
            return columns_by_table(cursor, sqlite=is_sqlite(source))


def _source(client: str, settings: dict[str, Any]) -> DatabaseSource:
    try:
        return DatabaseSource.model_validate({"kind": "database", "table": "?"} | settings)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        if "the address holds" in said:
            said = (
                "the address holds a user or a password; give --user <name>, and --password <NAME> with the name of "
                "the client's secret that holds the password"
            )
        elif "pattern" in said:
            said = "the address is none of postgresql://host/database and sqlite:///file, or --password is no NAME"
        raise ConfigurationError(said, where=f"client {client}", hint="correct --from") from None


def _with_target(tables: dict[str, list[str]], target: str) -> str:
    wished = re.sub(r"[^a-z0-9]+", "_", target.lower()).strip("_")
    found = [
        table
        for table, columns in tables.items()
        if any(name == target or re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") == wished for name in columns)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"several tables have a column '{target}': {', '.join(found)}", hint="name one: --table"
        )
    names = sorted({name for columns in tables.values() for name in columns})
    raise ConfigurationError(
        f"no table has a column '{target}'",
        tried=", ".join(names[:30]),
        hint=did_you_mean(target, names, "name another --target"),
    )
