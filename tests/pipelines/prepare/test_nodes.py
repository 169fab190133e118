"""Both nodes on the shipped clients: expressions only, the same bytes every time, roles that agree with the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.prepare.nodes import join_tables, make_features
from pipelines.prepare.parameters import PrepareParameters
from workbench.clients import Client, ClientRegistry
from workbench.engines import connection, fetch, is_expression, write_parquet
from workbench.errors import ConfigurationError, DataError

Raw = dict[str, ir.Table]
CLIENTS = ("clinic", "skyways", "tradewinds")


@pytest.fixture
def raw_of(flights_raw: Raw, tpch_raw: Raw, clinic_raw: Raw) -> Callable[[str], Raw]:
    return {"clinic": clinic_raw, "skyways": flights_raw, "tradewinds": tpch_raw}.__getitem__


def saved(client: Client, raw: Raw, folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    """What a run does: save the primary table, read it again, save the features."""
    folder.mkdir()
    write_parquet(join_tables(client, raw), folder / "primary.parquet")
    primary = connection().read_parquet(folder / "primary.parquet")
    features, roles = make_features(client, primary, PrepareParameters())
    write_parquet(features, folder / "features.parquet")
    return folder / "primary.parquet", folder / "features.parquet", roles


@pytest.mark.parametrize("name", CLIENTS)
def test_a_shipped_client(clients: ClientRegistry, raw_of: Callable[[str], Raw], name: str, tmp_path: Path) -> None:
    client = clients.load(name)
    primary, features, roles = saved(client, raw_of(name), tmp_path / "first")
    table = pq.read_table(features)

    frame = [*client.key, *([client.time_column] if client.time_column else []), "fold", client.target]
    assert table.column_names[: len(frame)] == frame
    assert set(table.column_names[len(frame) :]) == {*roles["numeric"], *roles["categorical"], *roles["protected"]}
    assert all(table.schema.field(column).type == pa.float64() for column in roles["numeric"])
    assert all(table.schema.field(column).type == pa.string() for column in roles["categorical"])
    assert table.schema.field(client.target).type == pa.int8()
    assert set(table[client.target].to_pylist()) == {0, 1}
    counts = {row["values"]: row["counts"] for row in table["fold"].value_counts().to_pylist()}
    assert counts == roles["rows"]
    assert (
        table.num_rows == sum(roles["rows"].values()) == pq.read_metadata(primary).num_rows - roles["unlabelled_rows"]
    )
    keys = list(zip(*(table[column].to_pylist() for column in client.key), strict=True))
    assert keys == sorted(keys)
    assert set(client.segments) <= set(table.column_names)
    # Every column of the primary table is accounted for: a feature, part of the frame, or left out with a reason.
    known = {*table.column_names, *roles["excluded"]}
    assert set(pq.read_schema(primary).names) <= known
    assert not known & set(client.personal) - set(roles["excluded"])

    # Once more, from raw tables whose rows stand in another order.
    shuffled = {table_name: rows.order_by(_shuffled(rows)) for table_name, rows in raw_of(name).items()}
    again = saved(client, shuffled, tmp_path / "second")
    assert again[0].read_bytes() == primary.read_bytes()
    assert again[1].read_bytes() == features.read_bytes()
    assert again[2] == roles


def _shuffled(rows: ir.Table) -> ir.Value:
    return rows[rows.columns[0]].cast("string").hexdigest("md5")


@pytest.mark.parametrize("name", CLIENTS)
def test_rows_stay_in_the_engine(
    clients: ClientRegistry, raw_of: Callable[[str], Raw], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched: list[int] = []

    def counted(table: ir.Table) -> list[dict[str, Any]]:
        rows = fetch(table)
        fetched.append(len(rows))
        return rows

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("a table was brought into Python")

    monkeypatch.setattr("pipelines.prepare.survey.fetch", counted)
    for method in ("execute", "to_pandas", "to_polars", "to_pandas_batches", "to_pyarrow", "to_pyarrow_batches"):
        monkeypatch.setattr(ir.Table, method, refuse)
    client = clients.load(name)
    primary = join_tables(client, raw_of(name))
    assert is_expression(primary)
    assert fetched == []
    features, _ = make_features(client, primary, PrepareParameters())
    assert is_expression(features)
    # The overview, the key, the classes, the folds.
    assert len(fetched) <= 4
    assert max(fetched) <= 3
    write_parquet(features.limit(10), tmp_path / "features.parquet")


def test_an_unknown_recipe(make_client: Callable[..., Client], table: Callable[..., ir.Table]) -> None:
    with pytest.raises(
        ConfigurationError, match=re.escape("client acme, client.yml: recipe 'skyway' does not exist")
    ) as e:
        join_tables(make_client(recipe="skyway"), {"rows": table({"id": [1]})})
    assert "did you mean 'skyways'?" in str(e.value)


def test_the_recipes_are_the_modules() -> None:
    from pipelines.prepare import recipes

    modules = {path.stem for path in Path(recipes.__file__).parent.glob("[a-z]*.py")}
    assert modules == set(recipes.NAMES)
    for name in recipes.NAMES:
        assert recipes.find_recipe(name, "acme").features


def test_a_missing_table(clients: ClientRegistry, flights_raw: Raw) -> None:
    raw = {name if name != "planes" else "plane": rows for name, rows in flights_raw.items()}
    with pytest.raises(DataError, match="client skyways, raw tables: recipe skyways needs table 'planes'") as caught:
        join_tables(clients.load("skyways"), raw)
    assert "Next: name 'plane' so in client.yml" in str(caught.value)


def test_a_missing_column(clients: ClientRegistry, flights_raw: Raw, tpch_raw: Raw) -> None:
    raw = flights_raw | {"flights": flights_raw["flights"].drop("arr_delay")}
    with pytest.raises(
        DataError, match=r"client skyways: `join` of recipe skyways does not fit the tables .*arr_delay"
    ):
        join_tables(clients.load("skyways"), raw)
    primary = join_tables(clients.load("tradewinds"), tpch_raw).drop("part_size")
    with pytest.raises(DataError, match=r"client tradewinds: `features` of recipe tradewinds does not fit .*part_size"):
        make_features(clients.load("tradewinds"), primary, PrepareParameters())


def test_a_recipe_may_make_a_feature_of_a_protected_column_only_if_it_says_so(
    clients: ClientRegistry, clinic_raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.prepare.recipes import clinic

    client = clients.load("clinic").model_copy(update={"protected": ("mean_area",)})
    features, roles = make_features(client, join_tables(client, clinic_raw), PrepareParameters())
    assert "mean_area" in features.columns
    assert "mean_area" not in roles["numeric"]
    assert "mean_area" in roles["excluded"]
    monkeypatch.setattr(clinic, "PROTECTED_FEATURES", ("mean_area",), raising=False)
    _, roles = make_features(client, join_tables(client, clinic_raw), PrepareParameters())
    assert "mean_area" in roles["numeric"]
    assert "mean_area" not in roles["excluded"]


@pytest.mark.parametrize("name", ["clinic", "tradewinds"])
def test_a_recipe_never_sees_a_personal_column(
    clients: ClientRegistry, raw_of: Callable[[str], Raw], name: str
) -> None:
    column = {"clinic": "mean_area", "tradewinds": "customer_balance"}[name]
    client = clients.load(name).model_copy(update={"personal": (column,)})
    primary = join_tables(client, raw_of(name))
    assert column not in primary.columns
    if name == "clinic":
        features, roles = make_features(client, primary, PrepareParameters())
        assert column not in features.columns
        assert roles["excluded"][column] == "personal: never a feature"
    else:
        with pytest.raises(DataError, match="does not fit the tables"):
            make_features(client, primary, PrepareParameters())
