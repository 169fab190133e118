"""Connections to databases through ADBC, for reading only; and what their complaints mean to a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from workbench.errors import ConfigurationError, DataError, Unreachable, WorkbenchError, did_you_mean
from workbench.sources.paths import inside
from workbench.sources.secret import secret_of

if TYPE_CHECKING:
    from workbench.clients.sources import DatabaseSource
    from workbench.sources.opening import Opening

__all__ = ["columns_by_table", "is_sqlite", "opened_database", "quoted", "sqlite_file"]

CONNECT_SECONDS = 10
_POSTGRES_COLUMNS = """
    SELECT CASE WHEN table_schema = current_schema() THEN '' ELSE table_schema || '.' END || table_name, column_name
    FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1, ordinal_position
"""
_SQLITE_COLUMNS = """
    SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c
    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid
"""


def is_sqlite(source: DatabaseSource) -> bool:
    """Whether the database is a file."""
    return source.url.startswith("sqlite:")


def quoted(name: str, mark: str = '"') -> str:
    """A name in SQL."""
    return mark + name.replace(mark, mark * 2) + mark


def sqlite_file(source: DatabaseSource, opening: Opening) -> Path:
    """The file of a SQLite database, inside the project and not another client's."""
    relative = inside(source.url.removeprefix("sqlite:///"), opening.where)
    if relative.parts[0] == "data" and len(relative.parts) > 1 and relative.parts[1] != opening.client:
        raise ConfigurationError(
            f"'{relative}' is another client's", where=opening.where, hint=f"read from data/{opening.client}"
        )
    path = opening.project / relative
    if not path.is_file():
        names = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(
            f"no file is at '{relative}'",
            where=opening.where,
            hint=did_you_mean(path.name, names, "correct `url` in client.yml"),
        )
    return path


@contextmanager
def opened_database(source: DatabaseSource, opening: Opening) -> Iterator[Any]:
    """A cursor in a transaction that can only read, and that sees one state of the database.

    Raises:
        ConfigurationError: the user, the password or the database is wrong.
        DataError: a table or a column is not there, or the query is no query.
        Unreachable: the server does not answer, or went away.
    """
    import pyarrow as pa
    from adbc_driver_manager import Error

    password = secret_of(opening.project, opening.client, source.password) if source.password else None
    try:
        with closing(_connect(source, opening, password)) as connection, closing(connection.cursor()) as cursor:
            if not is_sqlite(source):
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor
    except (Error, pa.ArrowException, OSError) as error:
        raise _explained(error, source, opening, password) from None


def _connect(source: DatabaseSource, opening: Opening, password: str | None) -> Any:
    if is_sqlite(source):
        from adbc_driver_sqlite import dbapi

        return dbapi.connect(f"file:{quote(str(sqlite_file(source, opening)))}?mode=ro")
    from adbc_driver_postgresql import dbapi as postgresql

    parts = urlsplit(source.url)
    user = quote(source.user or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    # Nothing but client.yml and the client's secret says who logs in: no file of passwords in somebody's home.
    settings = [parts.query, f"connect_timeout={CONNECT_SECONDS}", "passfile=/dev/null"]
    query = "&".join(one for one in settings if one)
    return postgresql.connect(f"postgresql://{user + '@' if user else ''}{parts.netloc}{parts.path}?{query}")


def columns_by_table(cursor: Any, *, sqlite: bool) -> dict[str, list[str]]:
    """The tables and views of a database, each with its columns, in order."""
    cursor.execute(_SQLITE_COLUMNS if sqlite else _POSTGRES_COLUMNS)
    found: dict[str, list[str]] = {}
    for table, column in cursor.fetchall():
        found.setdefault(table, []).append(column)
    return found


def missing_table(name: str, tables: Sequence[str], opening: Opening) -> DataError:
    """What to say of a table that is not there."""
    return DataError(
        f"the database has no table '{name}'",
        where=opening.where,
        tried=", ".join(tables[:30]),
        hint=did_you_mean(name, tables, "correct `table` in client.yml"),
    )


def _explained(error: Exception, source: DatabaseSource, opening: Opening, password: str | None) -> WorkbenchError:
    """One sentence; libpq's own may hold the whole address."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    for secret in {password, quote(password, safe="")} if password else ():
        text = text.replace(secret, "[redacted]")
    state = getattr(error, "sqlstate", None) or ""
    where = f"{opening.where}, {source.url}"
    whole = str(error)
    if state.startswith("28") or "authentication failed" in whole or "no password supplied" in whole:
        return ConfigurationError(
            f"user '{source.user}' may not log in, or the password is wrong",
            where=where,
            hint="correct `user`, or the secret that `password` names",
        )
    if state == "3D000" or ("database" in whole and "does not exist" in whole):
        return ConfigurationError("there is no such database", where=where, hint="correct `url` in client.yml")
    if state[:2] in {"42", "22", "25"} or "no such" in text or "syntax error" in text:
        return DataError(f"the database refuses the query: {text}", where=where, hint="correct it in client.yml")
    return Unreachable(
        f"the database does not answer, or went away: {text}", where=where, hint="see that it is up, and try again"
    )
