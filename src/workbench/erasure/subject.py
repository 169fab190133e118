"""One subject of a client: where its key stands, and which rows are its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.clients import ClientRegistry, Schema
from workbench.errors import ConfigurationError, DataError, did_you_mean

__all__ = ["LINE", "Subject", "columns_in", "literal", "quoted", "subject_of", "tables_of"]

LINE = "_line"


@dataclass(frozen=True)
class Subject:
    """A key and the columns that it stands in.

    Attributes:
        client: whose.
        value: as the digests take it; never shown.
        columns: pairs of a table (None: any) and a column.
        whole_number: whether the columns hold integers, so that 007 is 7.
        key: the client's key, by which other tables refer to the subject's rows.
    """

    client: str
    value: str
    columns: tuple[tuple[str | None, str], ...]
    whole_number: bool
    key: tuple[str, ...]

    def condition(self, path: Path, columns: Sequence[str]) -> str | None:
        """SQL that is true for the subject's rows of a table; None if the table has no column for it."""
        parts = [f"{canonical(name, self.whole_number)} = {literal(self.value)}" for name in self.named(path, columns)]
        if LINE in columns:
            cells = f"regexp_split_to_array({quoted(LINE)}, '[,;\\t|\"]')"
            cell = (
                "coalesce(CAST(TRY_CAST(trim(cell) AS BIGINT) AS VARCHAR), trim(cell))"
                if self.whole_number
                else "trim(cell)"
            )
            parts.append(f"list_contains(list_transform({cells}, lambda cell: {cell}), {literal(self.value)})")
        return " OR ".join(f"coalesce({part}, false)" for part in parts) or None

    def named(self, path: Path, columns: Iterable[str]) -> list[str]:
        """The columns of a table in which the key stands."""
        wanted = {name for table, name in self.columns if table in {None, path.stem}}
        return [name for name in columns if name in wanted]


def subject_of(project: Path, client: str, value: str, given: Sequence[str]) -> Subject:
    """Find out what is meant.

    Raises:
        ConfigurationError: the client's key has several columns and none was named, or there is no such column.
        DataError: the key is empty, or no number where the column holds numbers.
    """
    registry = ClientRegistry(project)
    one = registry.load(client)
    schema = registry.schema(client)
    if not value.strip():
        raise DataError("the subject's key is empty", where=f"client {client}", hint="give --subject <key>")
    if not given and len(one.key) > 1:
        raise ConfigurationError(
            f"the client's key has {len(one.key)} columns, so one value names no subject",
            where=f"client {client}",
            hint=f"say in which column it stands: --column {one.key[0]}",
        )
    columns = tuple(_pair(text) for text in given) or ((None, one.key[0]),)
    known = columns_in(project, client)
    _check(client, columns, known)
    number = all(_is_number(column, schema, known) for column in columns)
    stripped = value.strip()
    if number and not re.fullmatch(r"[+-]?\d{1,18}", stripped):
        raise DataError("the subject's key is no whole number, as all of that column are", where=f"client {client}")
    return Subject(client, str(int(stripped)) if number else stripped, columns, number, one.key)


def tables_of(project: Path, client: str) -> list[Path]:
    """A client's Parquet tables, but those that a run is staging: they are erased as they are."""
    root = project / "data" / client
    found = sorted(root.rglob("*.parquet"))
    return [path for path in found if not any(_is_staged(part) for part in path.relative_to(root).parts)]


def _is_staged(part: str) -> bool:
    return part == "checked" or part.startswith(".staging-")


def columns_in(project: Path, client: str) -> dict[tuple[str, str], str]:
    """Table and column of each Parquet table of a client, with the engine's type; ``raw`` has the last word."""
    from workbench.engines import connection

    found: dict[tuple[str, str], str] = {}
    for path in sorted(tables_of(project, client), key=lambda path: "01_raw" in path.parts):
        if path.parent.name in {"quarantine", "00_landing"}:
            continue
        query = f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})"  # noqa: S608
        found |= {(path.stem, row[0]): row[1] for row in connection().con.execute(query).fetchall()}
    return found


def canonical(name: str, whole_number: bool) -> str:
    """SQL for the text of a key's value; the same as :func:`workbench.sources.forgotten.canonical`."""
    text = f"trim(CAST({quoted(name)} AS VARCHAR))"
    return f"coalesce(CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR), {text})" if whole_number else text


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _pair(text: str) -> tuple[str | None, str]:
    table, _, column = text.rpartition(".")
    return table or None, column


def _check(client: str, columns: Iterable[tuple[str | None, str]], known: dict[tuple[str, str], str]) -> None:
    for table, column in columns:
        names = [name for owner, name in known if table in {None, owner}]
        if known and column not in names:
            raise ConfigurationError(
                f"no table has a column '{column}'" if table is None else f"no table '{table}' has a column '{column}'",
                where=f"client {client}",
                tried=", ".join(sorted(set(names))[:30]),
                hint=did_you_mean(column, names, "name another --column"),
            )


def _is_number(column: tuple[str | None, str], schema: Schema | None, known: dict[tuple[str, str], str]) -> bool:
    table, name = column
    types = [kind for (owner, one), kind in known.items() if one == name and table in {None, owner}]
    tables = schema.tables.items() if schema else ()
    specs = [one.columns[name].type for owner, one in tables if name in one.columns and table in {None, owner}]
    return bool(types or specs) and all("INT" in kind for kind in types) and all(kind == "int64" for kind in specs)
