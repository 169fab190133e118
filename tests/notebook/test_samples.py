"""Made-up tables pass the schema that they are made of, and join."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.prepare.recipes import find_recipe
from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError
from workbench.notebook.patterns import matching
from workbench.notebook.samples import sample, sample_tables

REGISTRY = ClientRegistry(Path(__file__).parents[2])


@pytest.mark.parametrize("client", REGISTRY.ids())
def test_rows_are_what_the_schema_allows(client: str) -> None:
    schema = REGISTRY.schema(client)
    assert schema is not None
    for name, table in schema.tables.items():
        made = sample(table)
        assert made.column_names == list(table.columns)
        assert made.num_rows >= 5, name
        for column, spec in table.columns.items():
            values = made[column].to_pylist()
            present = [value for value in values if value is not None]
            assert present
            assert spec.nullable or len(present) == len(values), column
            assert spec.min is None or min(present) >= spec.bound("min"), column
            assert spec.max is None or max(present) <= spec.bound("max"), column
            assert spec.isin is None or set(present) <= set(spec.isin), column
            assert spec.pattern is None or all(re.fullmatch(spec.pattern, text) for text in present), column
            assert not spec.unique or len(set(present)) == len(present), column
        keys = list(zip(*(made[column].to_pylist() for column in table.key), strict=True))
        assert len(set(keys)) == len(keys), name


@pytest.mark.parametrize("client", REGISTRY.ids())
def test_the_shipped_recipes_run_on_them(client: str) -> None:
    one = REGISTRY.load(client)
    recipe = find_recipe(one.recipe, client)
    features = recipe.features(recipe.join(sample_tables(REGISTRY.schema(client), recipe.tables)))
    assert features.count().execute() == 24
    assert {*one.key, one.target} <= set(features.columns)


def test_a_table_without_a_schema_is_named() -> None:
    with pytest.raises(ConfigurationError, match="table 'nothing' is not in schema.yml"):
        sample_tables(REGISTRY.schema("clinic"), ["nothing"])
    with pytest.raises(ConfigurationError, match="is not in schema.yml"):
        sample_tables(None, ["samples"])


@pytest.mark.parametrize(
    "pattern", ["Customer#[0-9]{9,}", r"[A-Z]{2}\d+", "(ab|c)*d?", r"\w+@x\.org", "[^a-z]{3}", "a{2,3}.", ""]
)
@given(number=st.integers(0, 10_000))
def test_a_text_matches_its_pattern(pattern: str, number: int) -> None:
    assert re.fullmatch(pattern, matching(pattern, number)), pattern


@given(numbers=st.sets(st.integers(0, 999_999), min_size=2, max_size=5))
def test_different_numbers_give_different_texts(numbers: set[int]) -> None:
    assert len({matching("Customer#[0-9]{9,}", number) for number in numbers}) == len(numbers)
