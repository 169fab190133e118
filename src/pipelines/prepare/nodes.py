"""Nodes of the pipeline ``prepare``: expressions in, expressions out; the dataset that saves one has it executed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines.prepare.parameters import PrepareParameters
from pipelines.prepare.recipes import find_recipe
from workbench.clients import Client
from workbench.errors import DataError, WorkbenchError

if TYPE_CHECKING:
    from ibis.expr.types import Table
else:
    # Kedro resolves the annotations of a node, to find the model of its parameters; these would import too much.
    Table = Any

__all__ = ["join_tables", "make_features"]


def join_tables(client: Client, raw: Mapping[str, Table]) -> Table:
    """All raw tables as one: a row a key, sorted by it. Personal columns stay behind in the raw tables.

    Raises:
        ConfigurationError: the recipe does not exist, or is `auto` and there are several tables.
        DataError: the recipe needs a table or a column that is not there.
    """
    from pipelines.prepare.roles import without_personal

    recipe = find_recipe(client.recipe, client.id)
    for name in recipe.tables:
        if name not in raw:
            near = difflib.get_close_matches(name, raw, n=1)
            raise DataError(
                f"recipe {client.recipe} needs table '{name}'",
                where=f"client {client.id}, raw tables",
                tried=", ".join(sorted(raw)),
                hint=f"name '{near[0]}' so in client.yml" if near else "add it to `sources` in client.yml",
            )
    with _explained(client, "join"):
        primary = recipe.join(raw)
    return without_personal(client, primary).order_by(*client.key)


def make_features(client: Client, primary: Table, prepare: PrepareParameters) -> tuple[Table, dict[str, Any]]:
    """The features with their fold, sorted by key, and what each column is for.

    Rows without a label are there for the recipe to look at (a cancelled flight tells of the weather) and are left out
    of the result.

    Raises:
        DataError: the primary table does not do: see :func:`pipelines.prepare.survey.survey`; or the recipe needs a
            column that is not there.
    """
    from pipelines.prepare.roles import finish
    from pipelines.prepare.survey import survey

    found = survey(client, primary)
    if client.recipe == "auto":
        from pipelines.prepare.recipes import auto

        with _explained(client, "infer"):
            recipe = auto.infer(client, primary, found, prepare)
    else:
        recipe = find_recipe(client.recipe, client.id)
    with _explained(client, "features"):
        table = recipe.features(primary)
    return finish(client, recipe, table, found)


@contextmanager
def _explained(client: Client, step: str) -> Iterator[None]:
    """Turn what Ibis says about a recipe that does not fit the tables into our own error."""
    from ibis.common.exceptions import IbisError

    try:
        yield
    except WorkbenchError as error:
        # A recipe does not know whose tables it is given.
        error.where = error.where or f"client {client.id}"
        raise
    except (IbisError, AttributeError, TypeError) as error:
        raise DataError(
            f"`{step}` of recipe {client.recipe} does not fit the tables ({str(error).splitlines()[0]})",
            where=f"client {client.id}",
            hint="compare src/pipelines/prepare/recipes with the columns of the tables; schema.yml can hold them fast",
        ) from error
