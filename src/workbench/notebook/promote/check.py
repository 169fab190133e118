"""The test that a new recipe gets: on made-up tables, it keeps what every recipe promises."""

from __future__ import annotations

__all__ = ["text_of_test"]

_TEXT = '''\
"""Recipe {recipe} on made-up tables of {client}'s schema: what every recipe promises. Add what this one does."""

from __future__ import annotations

from pathlib import Path

import ibis.expr.types as ir
import pytest

from pipelines.prepare.recipes import Recipe, find_recipe
from workbench.clients import Client, ClientRegistry
from workbench.notebook.samples import sample_tables

REGISTRY = ClientRegistry(Path(__file__).parents[4])


@pytest.fixture(scope="module")
def client() -> Client:
    return REGISTRY.load("{client}")


@pytest.fixture(scope="module")
def recipe(client: Client) -> Recipe:
    return find_recipe("{recipe}", client.id)


@pytest.fixture(scope="module")
def primary(client: Client, recipe: Recipe) -> ir.Table:
    return recipe.join(sample_tables(REGISTRY.schema(client.id), recipe.tables))


def rows(table: ir.Table, client: Client) -> list[dict[str, object]]:
    return table.order_by(*client.key).to_pyarrow().to_pylist()


def test_it_has_one_row_a_key_and_hands_the_target_through(client: Client, recipe: Recipe, primary: ir.Table) -> None:
    features = recipe.features(primary)
    frame = {{*client.key, client.target, *([client.time_column] if client.time_column else [])}}
    assert frame <= set(features.columns)
    found = rows(features, client)
    assert found, "the join leaves no row of the made-up tables"
    assert len({{tuple(row[name] for name in client.key) for row in found}}) == len(found)
    assert not set(recipe.excluded) & set(features.columns)


def test_the_same_tables_give_the_same_features(client: Client, recipe: Recipe, primary: ir.Table) -> None:
    assert rows(recipe.features(primary), client) == rows(recipe.features(primary), client)


def test_no_feature_tells_the_target(client: Client, recipe: Recipe, primary: ir.Table) -> None:
    """Without the target, all else must stay: a feature that is made of it would know the answer."""
    target = primary[client.target]
    unknown = primary.mutate(**{{client.target: target.nullif(target)}})
    assert rows(recipe.features(unknown).drop(client.target), client) == rows(
        recipe.features(primary).drop(client.target), client
    )
'''


def text_of_test(recipe: str, client: str) -> str:
    """The text of the test module."""
    return _TEXT.format(recipe=recipe, client=client)
