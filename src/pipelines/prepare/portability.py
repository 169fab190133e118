"""Which engines can run a client's recipe: asked of Ibis, before any engine is, and before any data is touched.

The types of the raw tables are those of schema.yml. Without one for every table nothing can be said before ``ingest``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.prepare.folds import Cuts
from pipelines.prepare.labels import Classes
from pipelines.prepare.nodes import join_tables
from pipelines.prepare.recipes import find_recipe
from pipelines.prepare.roles import finish
from pipelines.prepare.survey import Survey, queries
from workbench.engines.compiling import DIALECTS, why_not
from workbench.schemas.casting import ibis_type

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients import Client, Schema
    from workbench.clients.engines import EngineKind

__all__ = ["all_queries", "refusals"]


def refusals(client: Client, schema: Schema | None, kinds: Iterable[EngineKind]) -> dict[EngineKind, str]:
    """The engines that cannot run the client's recipe, each with the step, the operation and why.

    Raises:
        ConfigurationError: there is no such recipe, or it does not fit the tables that there are.
        DataError: the recipe does not fit the tables of schema.yml.
    """
    if schema is None or any(name not in schema.tables for name in client.sources):
        return {}
    asked = all_queries(client, schema)
    found: dict[EngineKind, str] = {}
    known: dict[str, str | None] = {}
    for kind in kinds:
        dialect = DIALECTS[kind]
        if dialect not in known:
            reasons = (f"{step}: {why}" for step, one in asked.items() if (why := why_not(one, kind)))
            known[dialect] = next(reasons, None)
        if reason := known[dialect]:
            found[kind] = reason
    return found


def all_queries(client: Client, schema: Schema) -> dict[str, ir.Table]:
    """Every expression that ``prepare`` has an engine run, step by step, over tables that are names and types alone."""
    import ibis

    tables = {
        name: ibis.table({column: ibis_type(spec) for column, spec in table.columns.items()}, name=f"raw_{name}")
        for name, table in schema.tables.items()
    }
    joined = join_tables(client, tables)
    primary = ibis.table(joined.schema(), name="primary")
    found = _survey(client, primary)
    asked = {"join": joined, **queries(client, primary, found.cuts)}
    if client.recipe == "auto":
        from pipelines.prepare.recipes import auto

        recipe, more = auto.queries(client, primary, found)
        asked |= more
    else:
        recipe = find_recipe(client.recipe, client.id)
    features, _ = finish(client, recipe, recipe.features(primary), found)
    return asked | {"features": features}


def _survey(client: Client, primary: ir.Table) -> Survey:
    """What a survey might find; which values they are does not change what is asked."""
    text = client.target in primary.columns and primary[client.target].type().is_string()
    names = ("a", "b") if text or client.task == "multiclass" else None
    classes = Classes() if client.task == "regression" else Classes(names, positive="b" if text else 1)
    return Survey(0, {"train": 1, "validation": 1, "test": 1}, classes, _cuts(client, primary))


def _cuts(client: Client, primary: ir.Table) -> Cuts | None:
    if client.split.by != "time" or client.time_column not in primary.columns:
        return None
    kind = primary[client.time_column].type()
    moment: Any = date(2000, 1, 1) if kind.is_date() else datetime(2000, 1, 1) if kind.is_timestamp() else 0  # noqa: DTZ001
    return Cuts(moment, moment)
