"""Are the columns of a source those of the schema, and of types that can be cast to its types?"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from workbench.clients import TableSchema
from workbench.errors import DataError
from workbench.schemas.casting import can_cast, kind_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["check_columns"]


def check_columns(rows: ir.Table, names: tuple[str, ...], schema: TableSchema, client: str, table: str) -> None:
    """Refuse a table that no row-by-row check could make sense of.

    Args:
        rows: the source.
        names: its columns, less those that the source itself put there.
        schema: what the table must look like.
        client: for the error.
        table: for the error.

    Raises:
        DataError: a column is missing, perhaps renamed; or there is one that the schema does not name; or a column's
            type has drifted to something else altogether.
    """
    where = f"client {client}, table {table}"
    file = f"conf/clients/{client}/schema.yml"
    extra = [name for name in names if name not in schema.columns]
    missing = [name for name in schema.columns if name not in names]
    for name in missing:
        raise DataError(
            f"column '{name}' is missing",
            where=where,
            tried=f"the source has {', '.join(names[:20])}{', …' if len(names) > 20 else ''}",
            hint=_renamed(name, missing, extra, file),
        )
    if extra and schema.strict:
        raise DataError(
            f"column '{extra[0]}' is not in the schema",
            where=where,
            hint=f"name it in {file}, or set `strict: false` there to drop what is not named",
        )
    for name, spec in schema.columns.items():
        actual = rows[name].type()
        if not can_cast(actual, spec):
            raise DataError(
                f"column '{name}' is {kind_of(actual).replace('other', str(actual))} now, and was {spec.type}",
                where=where,
                hint=f"have it delivered as {spec.type}, or correct its `type` in {file}",
            )


def _renamed(name: str, missing: list[str], extra: list[str], file: str) -> str:
    lowered = {candidate.lower(): candidate for candidate in extra}
    near = [lowered[found] for found in difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)]
    # One gone and one come may be a new name that is nothing like the old one.
    if not near and len(missing) == len(extra) == 1:
        near = extra
    if near:
        return f"did you mean '{near[0]}'? If it was renamed, rename it in {file} too"
    return f"have it delivered, or take it out of {file}"
