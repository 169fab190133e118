"""A client is moved to another engine, runs there, is moved back; and every reason not to."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from workbench.cli.client import client as client_command
from workbench.clients.editing import with_key
from workbench.engines import open_warehouse
from workbench.errors import ConfigurationError, DataError
from workbench.moving import finish, go_back, move, plan
from workbench.moving.digest import digest_of
from workbench.moving.journal import read


@pytest.fixture
def desk(stood: Callable[[str], Any], tmp_path: Path) -> Any:
    return stood("clinic").copy(tmp_path / "project")


@pytest.fixture
def target(postgres: dict[str, Any], tmp_path: Path) -> Any:
    """Settings of the server, with a namespace of this test's own."""
    from workbench.clients.engines import PostgresEngine

    return PostgresEngine(**postgres, namespace=namespace_of(tmp_path))


@pytest.fixture(params=["postgres", pytest.param("bigquery", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The same of PostgreSQL, and of BigQuery's double."""
    from workbench.clients.engines import BigqueryEngine

    if request.param == "postgres":
        return request.getfixturevalue("target")
    return BigqueryEngine(**request.getfixturevalue("in_bigquery"), namespace=namespace_of(tmp_path))


def namespace_of(folder: Path) -> str:
    return f"t{abs(hash(folder)) % 10**12}"


def cli(desk: Any, *arguments: str) -> Result:
    return CliRunner().invoke(client_command, arguments, obj=SimpleNamespace(project_path=desk.project))


def options(target: Any) -> list[str]:
    said = target.model_dump(exclude_defaults=True) | {"namespace": target.namespace}
    said.pop("kind")
    return [part for key, value in said.items() for part in ("--set", f"{key}={value}")]


@pytest.mark.integration
def test_there_and_back_again(desk: Any, either: Any) -> None:
    """Two moves by the commands, a run in between; the features are the same bytes all along."""
    features = desk.data / "04_feature" / "features.parquet"
    before, text = features.read_bytes(), desk.file.read_text()
    dry = cli(desk, "move", "clinic", "--engine", either.kind, *options(either), "--dry-run")
    assert f"Would copy from duckdb to {either.kind}" in dry.output
    assert "raw/samples, primary, features" in dry.output
    assert desk.file.read_text() == text
    assert read(desk.project, "clinic") is None

    done = cli(desk, "move", "clinic", "--engine", either.kind, *options(either), "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["step"] == "switched"
    copied = {name: (table["rows"], table["compared"]) for name, table in said["tables"].items()}
    assert copied == dict.fromkeys(("raw/samples", "primary", "features"), (569, "engines"))
    changed = desk.file.read_text()
    assert with_key(changed, "engine", None, after="recipe", where=desk.file) == text
    assert changed.startswith("# yaml-language-server")
    warehouse = open_warehouse(desk.project, "clinic", either)
    assert [name.split("_")[0] for name in warehouse.names()] == ["features", "primary", "raw"]
    assert pq.read_metadata(desk.data / "03_primary/primary.parquet").num_rows == 569  # the old one is kept

    assert cli(desk, "move", "clinic", "--finish").exit_code == 0
    assert pq.read_metadata(desk.data / "03_primary/primary.parquet").num_rows == 0
    desk.run("prepare")
    assert features.read_bytes() == before

    back = cli(desk, "move", "clinic", "--engine", "duckdb")
    assert f"Client clinic is on duckdb; {either.kind} still has its tables." in back.output
    assert open_warehouse(desk.project, "clinic", either).names()
    assert cli(desk, "move", "clinic", "--finish").exit_code == 0
    assert open_warehouse(desk.project, "clinic", either).names() == []
    assert pq.read_metadata(desk.data / "03_primary/primary.parquet").num_rows == 569
    actions = [
        json.loads(line)["action"] for line in (desk.project / ".workbench/audit.jsonl").read_text().splitlines()
    ]
    assert actions == ["client.move.begun", "client.move.switched", "client.move.finished"] * 2


@pytest.mark.integration
def test_a_copy_that_differs_stops_the_move(desk: Any, either: Any) -> None:
    """One value of one row is another in the new engine: client.yml stays, and a second try puts it right."""
    from workbench.moving import copying

    class Spoiled(type(open_warehouse(desk.project, "clinic", either))):  # type: ignore[misc]
        def load(self, name: str, rows: Any) -> None:
            table = rows.read_all()
            column = table["mean_radius"].to_pylist()
            column[7] = math.nextafter(column[7], 0)
            at = table.column_names.index("mean_radius")
            super().load(name, table.set_column(at, "mean_radius", pa.array(column)).to_reader())

        def batches(self, expression: Any, schema: Any = None) -> Any:
            raise AssertionError("rows come back only where engines cannot compare them")

    warehouse = open_warehouse(desk.project, "clinic", either)
    spoiled = Spoiled(warehouse.client, warehouse.settings, warehouse.namespace, secret_of(either))
    (table, *_) = copying_tables(desk)
    with pytest.raises(DataError, match=r"the copy is not the same: 569 rows, digest \w{64}; and it was 569 rows"):
        copying.copy(desk.project, "clinic", table, None, spoiled)
    spoiled.close()
    assert move(desk.project, "clinic", either).step == "switched"


@pytest.mark.integration
def test_what_engines_cannot_compare_is_compared_here(desk: Any, target: Any) -> None:
    """A fraction that has no exact digest in an engine: the rows come back, and one that differs is found as before."""
    from workbench.moving import copying

    file = desk.data / "01_raw" / "samples.parquet"
    rows = pq.read_table(file)
    column = rows["mean_radius"].to_pylist()
    at = rows.column_names.index("mean_radius")
    pq.write_table(rows.set_column(at, "mean_radius", pa.array([1e300, *column[1:]])), file)
    (table, *_) = copying_tables(desk)
    warehouse = open_warehouse(desk.project, "clinic", target)
    record = copying.copy(desk.project, "clinic", table, None, warehouse)
    assert (record.rows, record.compared) == (569, "here")
    assert copying.compare(table, None, warehouse, record)
    load = warehouse.load

    def spoiling(name: str, batches: Any) -> None:
        copied = batches.read_all()
        load(name, copied.set_column(at, "mean_radius", pa.array([1e301, *column[1:]])).to_reader())

    warehouse.load = spoiling  # type: ignore[method-assign]
    with pytest.raises(DataError, match=r"the copy is not the same: 569 rows, digest \w{32}; and it was 569 rows"):
        copying.copy(desk.project, "clinic", table, None, warehouse)


def secret_of(settings: Any) -> str | None:
    return os.environ["CLINIC__BIGQUERY_KEY"] if settings.kind == "bigquery" else None


def copying_tables(desk: Any) -> list[Any]:
    from workbench.moving.tables import tables_of

    return list(tables_of(desk.project, "clinic"))


@pytest.mark.integration
def test_two_names_of_one_server_are_one_storage(desk: Any, target: Any) -> None:
    """What `--finish` would remove is what the client reads; and going back removes nothing either."""
    move(desk.project, "clinic", target)
    finish(desk.project, "clinic")
    other = target.model_copy(update={"host": target.host + "/"})
    with pytest.raises(ConfigurationError, match="are one storage"):
        move(desk.project, "clinic", other)
    go_back(desk.project, "clinic")
    assert len(open_warehouse(desk.project, "clinic", target).names()) == 3
    desk.run("prepare")


@pytest.mark.integration
def test_from_one_schema_to_another(desk: Any, target: Any) -> None:
    """Both are remote: the joined table never comes to lie here, and the old one is read until `--finish`."""
    move(desk.project, "clinic", target)
    finish(desk.project, "clinic")
    second = target.model_copy(update={"namespace": f"{target.namespace}_b"})
    move(desk.project, "clinic", second)
    assert pq.read_metadata(desk.data / "03_primary/primary.parquet").num_rows == 0
    primary = desk.catalog()["primary"].load()
    assert f"{target.namespace}_b" in str(open_warehouse(desk.project, "clinic", second).sql(primary))
    go_back(desk.project, "clinic")
    primary = desk.catalog()["primary"].load()
    assert open_warehouse(desk.project, "clinic", target).fetch(primary.aggregate(n=primary.count())) == [{"n": 569}]
    assert open_warehouse(desk.project, "clinic", second).names() == []


def test_reasons_not_to_move(desk: Any) -> None:
    from workbench.clients.engines import DuckdbEngine

    with pytest.raises(ConfigurationError, match="the tables are in duckdb already"):
        plan(desk.project, "clinic", DuckdbEngine())
    for step in (finish, go_back):
        with pytest.raises(ConfigurationError, match="no move was begun"):
            step(desk.project, "clinic")
    said = {
        (): "give one of --engine, --finish and --back",
        ("--engine", "spark", "--back"): "give one of --engine, --finish and --back",
        ("--engine", "spark"): "setting 'address' of engine spark: Field required",
        ("--engine", "spark", "--set", "address"): "--set 'address' is no KEY=VALUE",
        ("--engine", "postgres", "--set", "password=p@ss"): "setting 'host' of engine postgres: Field required",
    }
    for arguments, sentence in said.items():
        done = cli(desk, "move", "clinic", *arguments)
        assert done.exit_code == 1
        assert sentence in done.output
        assert "p@ss" not in done.output


def test_the_digest_knows_rows_and_not_their_order() -> None:
    rows = pa.table({"a": [1, 2, 2, None], "b": ["x", "1:y", "", None], "c": [0.1, -0.0, float("nan"), None]})
    one = digest_of(rows.to_reader())
    assert one.rows == 4
    assert one == digest_of(rows.take([3, 1, 0, 2]).to_reader())
    assert one != digest_of(rows.take([0, 1, 2]).to_reader())
    assert one.digest != digest_of(rows.take([0, 0, 1, 2]).to_reader()).digest
    # What stands in one column is not what stands in the next.
    pairs = [[("ab", "c")], [("a", "bc")], [("abc", "")], [("abc", None)]]
    found = {digest_of(pa.table({"a": [a for a, _ in p], "b": [b for _, b in p]}).to_reader()).digest for p in pairs}
    assert len(found) == 4
    empty = digest_of(rows.slice(0, 0).to_reader())
    assert (empty.rows, empty.digest) == (0, "0" * 32)


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("a: 1\nrecipe: x\n\n# why\nb: 2\n", "duckdb", "a: 1\nrecipe: x\nengine: duckdb\n\n# why\nb: 2\n"),
        ("engine: duckdb  # for now\nb: 2\n", {"kind": "spark"}, "engine: {kind: spark}  # for now\nb: 2\n"),
        ("engine:\n  kind: spark\n  # inside\n  tls: true\n\n# b\nb: 2\n", "duckdb", "engine: duckdb\n\n# b\nb: 2\n"),
        (
            "a: 1\r\nb: 2",
            {"kind": "x", "address": "sc://h:1"},
            "a: 1\r\nb: 2\r\nengine: {kind: x, address: 'sc://h:1'}\r\n",
        ),
        ("engine: {kind: spark}\nb: 2\n", None, "b: 2\n"),
    ],
)
def test_one_key_is_changed_and_no_other_byte(text: str, value: Any, wanted: str) -> None:
    assert with_key(text, "engine", value, after="recipe", where=Path("client.yml")) == wanted


def test_a_key_that_is_written_oddly_is_left_to_a_person() -> None:
    with pytest.raises(ConfigurationError, match="'engine' stands there in a way that only a person can change"):
        with_key("{a: 1, engine: duckdb}\n", "engine", "duckdb2", after="recipe", where=Path("client.yml"))


@pytest.mark.integration
def test_an_erasure_drops_what_engines_hold(desk: Any, target: Any) -> None:
    """In the client's engine, and in the other one of a move that has not ended."""
    from workbench.erasure.limits import beyond_reach
    from workbench.moving.emptying import drop_all

    move(desk.project, "clinic", target)
    warehouse = open_warehouse(desk.project, "clinic", target)
    warehouse.load("people", pa.table({"not": ["ours"]}).to_reader())
    desk.file.write_text(with_key(desk.file.read_text(), "engine", None, after="recipe", where=desk.file))
    assert any(f"the engine {target.location}" in said for said in beyond_reach(desk.project, "clinic"))
    assert drop_all(desk.project, "clinic") == 3
    assert warehouse.names() == ["people"]
    assert drop_all(desk.project, "clinic") == 0


@pytest.mark.integration
def test_raw_tables_of_older_files_are_dropped_when_newer_ones_come(desk: Any, target: Any) -> None:
    """A subject that was forgotten in the files is in no copy of older ones either."""
    desk.engine(**target.model_dump(exclude_defaults=True) | {"kind": "postgres"})
    desk.catalog()["raw"].load()
    warehouse = open_warehouse(desk.project, "clinic", target)
    (before,) = warehouse.names()
    file = desk.data / "01_raw" / "samples.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    raw = desk.catalog()["raw"].load()["samples"]
    (after,) = warehouse.names()
    assert before != after
    assert warehouse.fetch(raw.aggregate(n=raw.count())) == [{"n": 568}]


def test_what_a_killed_edit_left_is_in_nobodys_way(desk: Any) -> None:
    """Half of a client.yml lies beside it: the client can be checked and run, and the next move removes it."""
    from workbench.moving.move import _locked

    left = desk.file.with_name(".staging-0123456789abcdef0123456789abcdef-client.yml")
    left.write_text("id: cli")
    assert "✓ clinic" in cli(desk, "check", "clinic").output
    with _locked(desk.project, "clinic"):
        assert not left.exists()
