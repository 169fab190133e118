"""Recipes: one module each, pure functions from Ibis expressions to Ibis expressions.

A recipe module has

* ``TABLES``: the raw tables that it joins;
* ``join(tables) -> primary``: one row a key, columns as people know them, the target among them;
* ``features(primary) -> table``: the client's key, time, target and protected columns, and beside them the features;
* ``EXCLUDED``: column → why it is no feature;
* ``PROTECTED_FEATURES``, if there must be any: protected columns that are features all the same.

``auto`` is the exception: what its ``features`` are depends on the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from workbench.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["NAMES", "Recipe", "find_recipe"]

NAMES = ("auto", "clinic", "skyways", "tradewinds")


@dataclass(frozen=True)
class Recipe:
    """A recipe's content; see the module's docstring."""

    tables: tuple[str, ...]
    join: Callable[[Mapping[str, ir.Table]], ir.Table]
    features: Callable[[ir.Table], ir.Table]
    excluded: Mapping[str, str] = field(default_factory=dict)
    protected_features: tuple[str, ...] = ()


def find_recipe(name: str, client_id: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in NAMES:
        raise ConfigurationError(
            f"recipe '{name}' does not exist",
            where=f"client {client_id}, client.yml",
            tried=", ".join(NAMES),
            hint=did_you_mean(name, NAMES, "write `recipe: auto`, or docs/recipes.md says how to add one"),
        )
    module = import_module(f"{__name__}.{name}")
    return Recipe(
        tables=module.TABLES,
        join=module.join,
        features=module.features,
        excluded=module.EXCLUDED,
        protected_features=getattr(module, "PROTECTED_FEATURES", ()),
    )
