"""From a recipe's columns to the features table: what each column is for, and in which type it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.prepare.folds import FOLD, fold_of
from pipelines.prepare.labels import encoded, finite, label_of
from workbench.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from pipelines.prepare.recipes import Recipe
    from pipelines.prepare.survey import Survey
    from workbench.clients import Client

__all__ = ["finish", "without_personal"]

_SHOWN_COLUMNS = 10


def without_personal(client: Client, table: ir.Table) -> ir.Table:
    """The table without the client's personal columns, so that no recipe can make a feature of one.

    A personal column that is part of the key stays: it identifies the row and is nothing else.

    Raises:
        ConfigurationError: a personal column is also to be shown, group by group, in reports.
    """
    for role in ("protected", "segments"):
        for column in client.personal:
            if column in getattr(client, role):
                raise ConfigurationError(
                    f"column '{column}' is both personal and in {role}; the one keeps it out of reports, the other in",
                    where=f"client {client.id}, client.yml",
                    hint=f"take it out of `personal` or out of `{role}`",
                )
    return table.drop(*(c for c in table.columns if c in client.personal and c not in client.key))


def finish(client: Client, recipe: Recipe, table: ir.Table, found: Survey) -> tuple[ir.Table, dict[str, Any]]:
    """The features as they are stored, and ``feature_roles``.

    Args:
        client: names the key, time, target, segment and protected columns.
        recipe: made the table.
        table: those columns, and the features beside them; one row a key, in any order.
        found: the survey of the primary table.

    Returns:
        The expression: key, time, fold, target, columns that are shown only, features; labelled rows only, sorted by
        key. And the roles, for JSON.

    Raises:
        DataError: a feature is neither a number nor text; a column is missing that client.yml names.
    """
    frame = [*client.key, *([client.time_column] if client.time_column else [])]
    shown = [column for column in client.protected if column not in recipe.protected_features]
    names = [c for c in table.columns if c not in {*frame, client.target, *shown}]
    if not names:
        raise _no_feature(client, recipe)
    _check(client, table, [*frame, client.target, *shown, *client.segments], names)
    numeric = [name for name in names if not table[name].type().is_string()]

    labelled = table.filter(label_of(client, table).notnull())
    features = labelled.select(
        *frame,
        fold_of(client, labelled, found.cuts).name(FOLD),
        encoded(client, labelled, found.classes).name(client.target),
        *(c for c in shown if c not in frame),
        *(_stored(labelled[name]).name(name) for name in names),
    ).order_by(*client.key)
    roles = {
        "task": client.task,
        "target": client.target,
        "classes": list(found.classes.names) if found.classes.names else None,
        "key": list(client.key),
        "time": client.time_column,
        "fold": FOLD,
        "numeric": numeric,
        "categorical": [name for name in names if name not in numeric],
        "segments": list(client.segments),
        "protected": list(client.protected),
        "rows": found.rows,
        "unlabelled_rows": found.unlabelled,
        "excluded": _excluded(client, recipe),
    }
    return features, roles


def _no_feature(client: Client, recipe: Recipe) -> DataError:
    excluded = _excluded(client, recipe)
    reasons = [f"{name}: {reason}" for name, reason in list(excluded.items())[:_SHOWN_COLUMNS]]
    more = [f"and {len(excluded) - len(reasons)} more"] if len(excluded) > len(reasons) else []
    return DataError(
        "there is no feature left",
        where=f"client {client.id}, recipe {client.recipe}",
        tried="; ".join([*reasons, *more]),
        hint="bring more columns, or write a recipe: docs/recipes.md shows how",
    )


def _check(client: Client, table: ir.Table, needed: list[str], features: list[str]) -> None:
    where = f"client {client.id}, recipe {client.recipe}"
    for column in needed:
        if column not in table.columns:
            raise DataError(f"`features` leaves out column '{column}'", where=where, hint="hand it through")
    if FOLD in features:
        raise DataError(f"a feature is called '{FOLD}', as is the column that tells the fold", where=where)
    for name in features:
        kind = table[name].type()
        if not (kind.is_numeric() or kind.is_boolean() or kind.is_string()):
            raise DataError(f"feature '{name}' is {kind}", where=where, hint="make it a number or text")


def _stored(column: ir.Column) -> ir.Column:
    """Text as it is, everything else as float64 in which NaN and infinities are missing."""
    return column if column.type().is_string() else finite(column).cast("float64")


def _excluded(client: Client, recipe: Recipe) -> dict[str, str]:
    reasons = dict(recipe.excluded)
    reasons |= dict.fromkeys(client.personal, "personal: never a feature")
    reasons |= {
        column: "protected: metrics are split by it, and it is no feature"
        for column in client.protected
        if column not in recipe.protected_features
    }
    return reasons
