"""BigQuery's engine against its double: what is asked of it, what may go wrong, and what each complaint says."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import grpc
import ibis
import pyarrow as pa
import pytest
from bigquery_double import BigqueryDouble
from bigquery_refusals import Refused
from bigquery_storage_double import BigqueryStorageDouble
from bigquery_store import Dataset
from double_service import Answer, Fault

from workbench.clients.engines import BigqueryEngine
from workbench.engines import Warehouse, open_warehouse
from workbench.errors import ConfigurationError, DataError, Unreachable

pytestmark = pytest.mark.integration

ROWS = pa.table(
    {
        "id": pa.array(range(1000), pa.int32()),
        "text": [None if number % 7 == 0 else f"t{number}" for number in range(1000)],
        "money": pa.array([Decimal(number) / 100 for number in range(1000)], pa.decimal128(18, 2)),
        "large": pa.array([Decimal(number) / 10**12 for number in range(1000)], pa.decimal128(30, 12)),
        "at": pa.array([number * 10**9 for number in range(1000)], pa.timestamp("us")),
    }
)


@pytest.fixture
def warehouse(acme: Any, in_bigquery: dict[str, Any]) -> Warehouse:
    return open_warehouse(acme.project, "acme", BigqueryEngine(**in_bigquery))


@pytest.fixture
def streams(bigquery: BigqueryDouble, warehouse: Any) -> Iterator[BigqueryStorageDouble]:
    """The Storage Read API of the same tables. Its library asks for TLS; so the test hands in a connection without."""
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    with BigqueryStorageDouble(bigquery.store) as double:
        transport = BigQueryReadGrpcTransport(channel=grpc.insecure_channel(double.address))
        warehouse.reader = BigQueryReadClient(transport=transport)
        yield double
        transport.close()


def back(warehouse: Warehouse, name: str) -> pa.Table:
    return warehouse.batches(warehouse.table(name), ROWS.schema).read_all().sort_by("id")


def test_rows_come_in_pages(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    warehouse.load("raw_rows", ROWS.to_reader())
    bigquery.page_rows, before = 300, len(bigquery.calls("GET .*/tables/raw_rows/data"))
    try:
        assert back(warehouse, "raw_rows").equals(ROWS)
    finally:
        bigquery.page_rows = 10_000
    # A time without a zone is one there, too.
    assert warehouse.table("raw_rows").schema()["at"].timezone is None  # type: ignore[attr-defined]
    assert len(bigquery.calls("GET .*/tables/raw_rows/data")) - before == 4


@pytest.mark.filterwarnings("ignore:Retrieving Arrow record batches:PendingDeprecationWarning")  # Google's of its own
def test_rows_come_in_streams(streams: BigqueryStorageDouble, warehouse: Warehouse) -> None:
    """From several at once, in batches; one that breaks is read on from where it broke."""
    warehouse.load("raw_rows", ROWS.to_reader())
    streams.broken = 2
    assert back(warehouse, "raw_rows").equals(ROWS)
    assert streams.broken == 0
    (asked,) = streams.sessions
    assert asked.read_session.table == "projects/acme-1/datasets/acme/tables/raw_rows"
    assert 1 <= asked.max_stream_count <= 4


def test_a_reader_without_permission_is_one_sentence(streams: BigqueryStorageDouble, warehouse: Warehouse) -> None:
    warehouse.load("raw_rows", ROWS.to_reader())
    streams.refusals = [grpc.StatusCode.PERMISSION_DENIED]
    with pytest.raises(ConfigurationError, match="the login is refused, or may not do that"):
        back(warehouse, "raw_rows")


def test_a_whole_table_is_read_without_a_query(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    warehouse.load("raw_rows", ROWS.to_reader())
    before = len(bigquery.calls("/queries|POST .*/v2/projects/[^/]+/jobs$"))
    back(warehouse, "raw_rows")
    assert len(bigquery.calls("/queries|POST .*/v2/projects/[^/]+/jobs$")) == before


def test_a_query_is_one_call_and_bears_the_client(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    warehouse.load("raw_rows", ROWS.to_reader())
    rows, before, jobs = warehouse.table("raw_rows"), len(bigquery.requests), set(bigquery.jobs)
    assert warehouse.fetch(rows.aggregate(n=rows.count())) == [{"n": 1000}]
    assert [request.line for request in bigquery.requests[before:]] == ["POST /bigquery/v2/projects/acme-1/queries"]
    (job,) = (job for name, job in bigquery.jobs.items() if name not in jobs)
    assert job.configuration["labels"] == {"workbench_client": "acme"}


def test_jobs_that_take_time_and_calls_that_fail_in_passing(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    """A job is asked for until it is done; 503, 429 and a call without an answer are tried again; no job runs twice."""
    bigquery.looks, before = 2, len(bigquery.jobs)
    busy = {"error": {"code": 503, "message": "busy", "errors": [{"reason": "backendError", "message": "busy"}]}}
    bigquery.faults += [
        Fault(on="GET .*/jobs/", answer=Answer(503, busy)),
        Fault(on="POST .*/queries", drop="after"),
        Fault(on="GET .*/queries/", answer=Answer(429, {"error": {"code": 429, "message": "slow down"}})),
    ]
    try:
        warehouse.load("raw_rows", ROWS.to_reader())
        warehouse.create("primary_1", warehouse.table("raw_rows").mutate(twice=ibis._.id * 2))
    finally:
        bigquery.looks = 0
    assert all(fault.times == 0 for fault in bigquery.faults)
    made = warehouse.table("primary_1")
    assert warehouse.fetch(made.aggregate(n=made.twice.sum())) == [{"n": 999_000}]
    assert len(bigquery.jobs) - before <= 4  # the load, the table (at most twice: its call had no answer), the sum


def test_an_upload_that_breaks_leaves_no_table(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    bigquery.faults.append(Fault(on="PUT /upload", drop="before"))
    warehouse.load("raw_rows", ROWS.to_reader())
    assert back(warehouse, "raw_rows").equals(ROWS)
    cut = Answer(400, {"error": {"code": 400, "message": "cut", "errors": [{"reason": "invalid", "message": "cut"}]}})
    bigquery.faults.append(Fault(on="PUT /upload", answer=cut))
    with pytest.raises(DataError, match="BigQuery refuses"):
        warehouse.load("raw_other", ROWS.to_reader())
    assert "raw_other" not in warehouse.names()


def test_a_token_that_expired_is_renewed(bigquery: BigqueryDouble, warehouse: Warehouse) -> None:
    given = bigquery.given
    bigquery.tokens.clear()
    warehouse.names()
    assert bigquery.given == given + 1


@pytest.mark.parametrize(
    ("reason", "status", "kind", "sentence"),
    [
        ("accessDenied", 403, ConfigurationError, "the login is refused, or may not do that: no"),
        ("quotaExceeded", 403, Unreachable, "BigQuery asks to come back later: no"),
        ("responseTooLarge", 400, DataError, "BigQuery refuses the query: no"),
    ],
)
def test_complaints(
    bigquery: BigqueryDouble, warehouse: Warehouse, reason: str, status: int, kind: type[Exception], sentence: str
) -> None:
    body = {"error": {"code": status, "message": "no", "errors": [{"reason": reason, "message": "no"}]}}
    warehouse.load("raw_rows", ROWS.to_reader())
    rows = warehouse.table("raw_rows")
    bigquery.faults.append(Fault(on="POST .*/queries", answer=Answer(status, body)))
    with pytest.raises(kind, match=f"^client acme, engine bigquery, bigquery://acme-1/acme: {sentence}"):
        warehouse.fetch(rows.aggregate(n=rows.count()))


@pytest.mark.parametrize(
    "column", [ibis._.text.cast("int64"), ibis._.text.cast("float64"), ibis._.text.cast("timestamp")]
)
def test_a_complaint_holds_no_value(warehouse: Warehouse, column: Any) -> None:
    warehouse.load("raw_rows", ROWS.to_reader())
    with pytest.raises(DataError, match="BigQuery refuses the query: ") as caught:
        warehouse.create("primary_1", warehouse.table("raw_rows").mutate(n=column))
    assert "t1" not in str(caught.value)


def test_a_login_that_is_refused(
    bigquery: BigqueryDouble, acme: Any, in_bigquery: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BigqueryEngine(**in_bigquery)
    monkeypatch.setenv("ACME__BIGQUERY_KEY", "hunter2-hunter2")
    with pytest.raises(ConfigurationError, match=r"is no service account's key.*gcloud iam") as caught:
        open_warehouse(acme.project, "acme", settings)
    assert "hunter2" not in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setattr(bigquery, "is_revoked", True)
    with pytest.raises(ConfigurationError, match="the login is refused"):
        open_warehouse(acme.project, "acme", settings)


def test_a_project_of_somebody_else(acme: Any, in_bigquery: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="may not do that: Access Denied"):
        open_warehouse(acme.project, "acme", BigqueryEngine(**{**in_bigquery, "project": "other-1"}))


def test_a_dataset_in_another_region(bigquery: BigqueryDouble, acme: Any, in_bigquery: dict[str, Any]) -> None:
    bigquery.store.datasets["far"] = Dataset("US")
    with pytest.raises(ConfigurationError, match=r"the dataset lies in US, and `engine.region` says europe-west6"):
        open_warehouse(acme.project, "acme", BigqueryEngine(**in_bigquery, namespace="far"))


def test_the_double_finds_nothing_from_another_region(bigquery: BigqueryDouble, warehouse: Any) -> None:
    """A job runs in one region and sees what lies there; one outside the US is found by who names its region.

    https://cloud.google.com/bigquery/docs/locations
    """
    from google.api_core.exceptions import NotFound

    warehouse.load("raw_rows", ROWS.to_reader())
    client, here = warehouse._client, "europe-west6"
    near = client.query("SELECT id FROM acme.raw_rows", location=here)
    assert len(list(near.result())) == ROWS.num_rows
    assert client.get_job(near.job_id, location=here).state == "DONE"
    with pytest.raises(NotFound, match="Not found: Job"):
        client.get_job(near.job_id, location="US")
    for far in ("SELECT id FROM acme.raw_rows", "CREATE TABLE acme.copy AS SELECT 1 AS id", "DROP TABLE acme.raw_rows"):
        with pytest.raises(NotFound, match="was not found in location US"):
            client.query(far, location="US").result()
    tables = set(bigquery.store.datasets["acme"].tables)
    assert "raw_rows" in tables
    assert "copy" not in tables


def test_a_server_that_is_not_there(
    acme: Any, in_bigquery: dict[str, Any], monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    """Neither BigQuery nor the service that gives tokens: told in seconds."""
    monkeypatch.setattr("workbench.engines.bigquery.CONNECT_SECONDS", 1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(Unreachable, match="BigQuery does not answer"):
        open_warehouse(acme.project, "acme", BigqueryEngine(**in_bigquery))
    key = json.loads(os.environ["ACME__BIGQUERY_KEY"])
    key["token_uri"] = f"http://127.0.0.1:{unused_port}/token"
    monkeypatch.setenv("ACME__BIGQUERY_KEY", json.dumps(key))
    with pytest.raises(Unreachable, match="BigQuery does not answer"):
        open_warehouse(acme.project, "acme", BigqueryEngine(**in_bigquery))


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


REFUSED = {
    "SELECT TIMESTAMP_ADD(at, INTERVAL 1 HOUR) AS a FROM acme.raw_rows": "No matching signature for function TIMESTAMP_ADD",
    "SELECT UNIX_SECONDS(at) AS a FROM acme.raw_rows": "No matching signature for function UNIX_SECONDS",
    "SELECT SUM(id) OVER (ORDER BY at RANGE BETWEEN INTERVAL 5 HOUR PRECEDING AND CURRENT ROW) AS a FROM acme.raw_rows": (
        "Window framing expression must be of a numeric type"
    ),
    "SELECT MEDIAN(id) AS a FROM acme.raw_rows": "Function not found: median",
    "SELECT a.id FROM acme.raw_rows AS a LEFT JOIN acme.raw_rows AS b ON a.id < b.id": "LEFT OUTER JOIN cannot be used",
    "SELECT id = text AS a FROM acme.raw_rows": "No matching signature for operator =",
    "SELECT missing FROM acme.raw_rows": "Unrecognized name",
    "SELECT id FROM acme.nothing": "Not found: Table acme-1:acme.nothing was not found in location europe-west6",
    "SELECT id, text AS ID FROM acme.raw_rows": "Duplicate column names",
    "SELECT (id": "Syntax error",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_the_double_refuses_what_bigquery_does(bigquery: BigqueryDouble, warehouse: Any, sql: str) -> None:
    """DuckDB, which is beneath, would run most of these."""
    from google.api_core.exceptions import GoogleAPIError

    warehouse.load("raw_rows", ROWS.to_reader())
    with pytest.raises(GoogleAPIError, match=REFUSED[sql]):
        warehouse._client.query_and_wait(sql)


MEANT = {
    "CAST(CAST('2024-01-01' AS DATE) AS STRING FORMAT 'DAY')": "MONDAY   ",
    "EXTRACT(DAYOFWEEK FROM CAST('2024-01-07' AS DATE))": 1,
    "GREATEST(1, NULL)": None,
    "CONCAT('a', NULL)": None,
    "CAST(2.5 AS INT64)": 3,
    "CAST(1.0 AS STRING)": "1",
    "IEEE_DIVIDE(1, 0)": float("inf"),
    "SAFE_CAST('2024-01-01 10:00' AS DATETIME)": None,
    "UNIX_SECONDS(CAST('1969-12-31 23:59:58.5' AS TIMESTAMP))": -2,
    "TO_HEX(MD5('a'))": "0cc175b9c0f1b6a831c399e269772661",
}


@pytest.mark.parametrize("expression", MEANT)
def test_the_double_means_what_bigquery_does(warehouse: Any, expression: str) -> None:
    """Where DuckDB means something else by the same words."""
    (row,) = warehouse._client.query_and_wait(f"SELECT {expression} AS a")
    assert row["a"] == MEANT[expression]


def test_a_table_is_made_as_it_is_described(bigquery: BigqueryDouble, warehouse: Any) -> None:
    from google.api_core.exceptions import Conflict
    from google.cloud.bigquery import SchemaField, Table

    table = Table("acme-1.acme.described", [SchemaField("a", "NUMERIC", precision=9, scale=2)])
    made = warehouse._client.create_table(table)
    assert (made.schema[0].field_type, made.schema[0].scale, made.num_rows) == ("NUMERIC", 2, 0)
    with pytest.raises(Conflict, match="Already Exists: Table acme-1:acme.described"):
        warehouse._client.create_table(table)
    assert "acme" in [one.dataset_id for one in warehouse._client.list_datasets()]
    warehouse.drop("described")
    with pytest.raises(Refused):
        bigquery.store.table(("acme-1", "acme", "described"))
