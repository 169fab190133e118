"""What an engine promises, on a real server: names, streams, atomic tables, one sentence for each complaint."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from workbench.clients.engines import DatabricksEngine, PostgresEngine, SparkEngine
from workbench.clients.model import Client
from workbench.engines import open_warehouse, warehouse_of
from workbench.engines.opening import namespace_of
from workbench.engines.publishing import keep_only, name_for_file, ours, publish
from workbench.engines.stub import places_in, write_stub
from workbench.engines.warehouse import checked
from workbench.errors import ConfigurationError, DataError, Unreachable, WorkbenchError

CLIENT = {
    "id": "acme",
    "title": "Acme",
    "owner": "somebody@example.com",
    "key": ["id"],
    "target": "late",
    "task": "binary",
    "metric": {"name": "roc_auc"},
    "sources": {"a": {"kind": "csv", "path": "a.csv"}},
}
TABLE = pa.table(
    {
        "id": pa.array([3, 1, 2], pa.int64()),
        "text": ["z'\"\\", None, "Ä\n"],
        "money": pa.array([None, "1.25", "-0.01"], pa.string()).cast(pa.decimal128(18, 2)),
        "x": pa.array([0.1, float("nan"), None]),
        "day": pa.array([0, None, -700000], pa.date32()),
        "at": pa.array([0, 1, None], pa.timestamp("us")),
        "yes": pa.array([True, None, False]),
        "small": pa.array([1, None, -1], pa.int8()),
    }
)


def model(engine: Any) -> Client:
    return Client.model_validate({**CLIENT, "engine": engine})


def test_the_short_form_is_duckdb() -> None:
    assert model("duckdb").engine == Client.model_validate(CLIENT).engine
    assert model("duckdb").engine.kind == "duckdb"


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("spark", "address"),
        ("oracle", "does not match any of the expected tags"),
        ({"kind": "spark", "address": "sc://h:1/;token=abc"}, "address"),
        ({"kind": "spark", "address": "sc://h:1", "class": "os.system"}, "class"),
        ({"kind": "postgres", "host": "h", "database": "d", "user": "u", "password": "p@ss"}, "password"),
        ({"kind": "postgres", "host": "h", "database": "d; DROP", "user": "u"}, "database"),
        ({"kind": "databricks", "host": "https://x.cloud.databricks.com"}, "catalog"),
        ({"kind": "bigquery", "project": "p"}, "project"),
    ],
)
def test_settings_are_checked(engine: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        model(engine)


def test_locations_hold_neither_user_nor_secret() -> None:
    said = {"kind": "postgres", "host": "h", "database": "d", "user": "u", "password": "PW"}
    assert model(said).engine.location == "postgresql://h:5432/d"
    databricks = {"kind": "databricks", "host": "https://x.cloud.databricks.com/", "catalog": "ml"}
    assert model(databricks).engine.location == "https://x.cloud.databricks.com/ml"
    assert model({"kind": "bigquery", "project": "work-1"}).engine.location == "bigquery://work-1"
    assert model({"kind": "spark", "address": "sc://h:1/", "catalog": "c"}).engine.location == "sc://h:1/c"


def test_no_two_clients_share_a_namespace(acme: Any) -> None:
    here = {"kind": "postgres", "host": "h", "database": "d", "user": "u"}
    theirs = acme.project / "conf/clients/clinic/client.yml"
    theirs.write_text(
        theirs.read_text() + "engine: {kind: postgres, host: h, database: d, user: u, namespace: shared}\n"
    )
    assert namespace_of(acme.project, "acme", PostgresEngine(**here)) == "acme"
    assert namespace_of(acme.project, "acme", PostgresEngine(**here, namespace="own")) == "own"
    for taken in ("shared", "Shared", "skyways"):
        with pytest.raises(ConfigurationError, match=r"engine.namespace '\w+' is client \w+'s"):
            namespace_of(acme.project, "acme", PostgresEngine(**here, namespace=taken))


def test_names(tmp_path: Path) -> None:
    path = tmp_path / ("Orders_" + "x" * 50 + ".parquet")
    pq.write_table(TABLE, path)
    name = name_for_file("raw", path)
    assert checked(name).startswith("raw_orders_xxxx")
    assert len(name) <= 63
    assert ours([name, "primary_ab", "people", "raw", "rawdata_1"]) == [name, "primary_ab"]
    for bad in ("a b", 'a"', "A", "1a", "", "é"):
        with pytest.raises(ValueError, match="is no name of a table"):
            checked(bad)


def test_a_stub_says_where_the_rows_are(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(TABLE, path)
    assert places_in(path) is None
    write_stub(path, TABLE.schema, {"sc://h:1/acme": "primary_1"})
    assert places_in(path) == {"sc://h:1/acme": "primary_1"}
    assert pq.read_table(path).schema.remove_metadata() == TABLE.schema
    assert pq.read_metadata(path).num_rows == 0


def check_tables(acme: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    acme.engine(**settings)
    warehouse = warehouse_of(acme.project, "acme")
    assert warehouse is not None
    assert warehouse_of(acme.project, "acme") is warehouse
    path = tmp_path / "things.parquet"
    pq.write_table(TABLE, path)
    table = publish(warehouse, "raw", path)
    name = name_for_file("raw", path)
    assert warehouse.names() == [name]
    back = warehouse.batches(table.order_by("id"), TABLE.schema).read_all()
    assert back.equals(TABLE.take([1, 2, 0])) or str(back.to_pylist()) == str(TABLE.take([1, 2, 0]).to_pylist())
    # A second time nothing is sent; an empty table is one; one that has the name gives way.
    publish(warehouse, "raw", path)
    warehouse.load("raw_empty", TABLE.slice(0, 0).to_reader())
    assert warehouse.batches(warehouse.table("raw_empty"), TABLE.schema).read_all().num_rows == 0
    warehouse.load("raw_empty", TABLE.to_reader())
    assert warehouse.fetch(warehouse.table("raw_empty").aggregate(n=ibis._.count())) == [{"n": 3}]
    warehouse.create("primary_1", table.mutate(twice=table.id * 2))
    assert warehouse.fetch(warehouse.table("primary_1").aggregate(n=ibis._.twice.sum())) == [{"n": 12}]
    # What is read in the middle of an expression that ends in an error leaves no table.
    with pytest.raises(DataError) as caught:
        warehouse.create("primary_2", table.mutate(n=table.text.cast("int64")))
    assert "z'" not in str(caught.value)
    assert str(caught.value).startswith("client acme, engine")
    assert "primary_2" not in warehouse.names()
    keep_only(warehouse, "raw", {name})
    assert [one for one in warehouse.names() if not one.startswith("loading")] == ["primary_1", name]
    warehouse.drop("primary_1")
    warehouse.drop("primary_1")


@pytest.mark.integration
def test_tables_of_postgres(acme: Any, postgres: dict[str, Any], tmp_path: Path) -> None:
    check_tables(acme, {**postgres, "namespace": "tables_of_acme"}, tmp_path)


@pytest.mark.integration
def test_tables_of_bigquery(acme: Any, in_bigquery: dict[str, Any], tmp_path: Path) -> None:
    check_tables(acme, {**in_bigquery, "namespace": "tables_of_acme"}, tmp_path)


@pytest.mark.spark
def test_tables_of_spark(acme: Any, spark: dict[str, Any], tmp_path: Path) -> None:
    check_tables(acme, {**spark, "namespace": "tables_of_acme"}, tmp_path)


def test_a_server_that_is_not_there_is_one_sentence(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACME__DATABRICKS_TOKEN", "dapi-hunter2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for settings in (
            SparkEngine(kind="spark", address=f"sc://127.0.0.1:{port}"),
            DatabricksEngine(kind="databricks", host="https://127.0.0.254", catalog="ml"),
            PostgresEngine(kind="postgres", host="127.0.0.1", port=port, database="d", user="u"),
        ):
            with pytest.raises(Unreachable, match=r"client acme, engine \w+, .*: the server does not answer"):
                open_warehouse(acme.project, "acme", settings)


@pytest.mark.integration
def test_a_login_that_is_refused_shows_no_secret(
    acme: Any, postgres: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME__WAREHOUSE_PASSWORD", "hunter2-hunter2")
    settings = PostgresEngine(**{**postgres, "user": "nobody_here", "password": "WAREHOUSE_PASSWORD"})
    with pytest.raises(WorkbenchError) as caught:
        open_warehouse(acme.project, "acme", settings)
    assert isinstance(caught.value, ConfigurationError)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="there is no secret OTHER"):
        open_warehouse(acme.project, "acme", settings.model_copy(update={"password": "OTHER"}))


@pytest.mark.integration
def test_a_table_that_is_elsewhere_is_not_taken_for_an_empty_one(
    stood: Callable[[str], Any], tmp_path: Path, postgres: dict[str, Any]
) -> None:
    desk = stood("clinic").copy(tmp_path / "project")
    desk.engine(**postgres, namespace="elsewhere")
    desk.run("prepare")
    assert desk.catalog()["primary"].load().count() is not None
    desk.engine(kind="duckdb")
    with pytest.raises(Exception, match=r"the rows are in postgresql://.*, and not in duckdb.*--pipelines prepare"):
        desk.catalog()["primary"].load()
    desk.engine(**postgres, namespace="another")
    with pytest.raises(Exception, match=r"the rows are in postgresql://.*elsewhere, and not in"):
        desk.catalog()["primary"].load()
