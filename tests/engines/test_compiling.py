"""Recipes are compiled for every engine without a connection; an engine that cannot run one is refused before a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibis
import pytest
from click.testing import CliRunner

from pipelines.prepare import recipes
from pipelines.prepare.pipeline import create_pipeline
from pipelines.prepare.portability import all_queries, refusals
from workbench.cli.client import client as client_command
from workbench.clients import ClientRegistry
from workbench.clients.engines import ENGINES
from workbench.engines.compiling import sql_of, why_not
from workbench.errors import ConfigurationError
from workbench.hooks.engine import EngineHooks

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("client", ["clinic", "skyways", "tradewinds"])
def test_every_shipped_recipe_compiles_for_every_engine(client: str) -> None:
    registry = ClientRegistry(ROOT)
    one, schema = registry.load(client), registry.schema(client)
    assert refusals(one, schema, ENGINES) == {}
    assert schema
    steps = all_queries(one, schema)
    assert {"join", "features", "survey of the key", "survey of the folds"} <= set(steps)
    assert ("survey of the times" in steps) == (one.split.by == "time")


def test_the_recipe_auto_compiles_for_every_engine(acme: Any) -> None:
    registry = ClientRegistry(acme.project)
    one, schema = registry.load("acme"), registry.schema("acme")
    assert refusals(one, schema, ENGINES) == {}
    assert schema
    assert {"profile of the columns", "count of the categories"} <= set(all_queries(one, schema))


def test_dialects() -> None:
    table = ibis.table({"a": "string", "b": "boolean"}, name="t")
    key = table.select(x=table.a.hexdigest("md5"))
    assert "MD5(" in sql_of(key, "postgres").upper()
    assert "TO_HEX(MD5(" in sql_of(key, "bigquery").upper().replace(" ", "")
    number = table.select(x=table.a.try_cast("float64"))
    assert "PG_INPUT_IS_VALID(" in sql_of(number, "postgres").upper()
    assert "TRY_CAST" in sql_of(number, "spark")
    assert "RLIKE" in sql_of(number, "databricks")
    assert "SAFE_CAST" in sql_of(number, "bigquery")
    # DuckDB's expressions are as they were before there were other engines.
    assert "CASE" not in sql_of(number, "duckdb")
    assert "AS INT) AS SMALLINT" in sql_of(table.select(x=table.b.cast("int8")), "postgres")


def test_what_cannot_be_said_is_named() -> None:
    table = ibis.table({"code": "string"}, name="t")
    asked = table.select(x=table.code.hexdigest("sha256"))
    assert why_not(asked, "duckdb") is None
    assert why_not(asked, "postgres") == ("HexDigest(code): Compilation rule for 'HexDigest' operation is not defined")


TABLE = ibis.table(
    {"code": "string", "x": "float64", "n": "int64", "at": "timestamp", "at_utc": "timestamp('UTC')"}, name="t"
)
OTHER = ibis.table({"at": "timestamp", "y": "float64"}, name="o")
MONTHS = ibis.trailing_range_window(ibis.interval(months=1), order_by="at")
HOURS = ibis.trailing_range_window(ibis.interval(hours=5), order_by="at")
ASKED: dict[str, tuple[Any, set[str]]] = {
    "HexDigest(code)": (TABLE.select(a=TABLE.code.hexdigest("sha256")), {"bigquery", "postgres"}),
    "Quantile(x, 0.5)": (TABLE.aggregate(a=TABLE.x.quantile(0.5)), {"bigquery"}),
    "Median(x)": (TABLE.aggregate(a=TABLE.x.median()), {"bigquery"}),
    "Kurtosis(x)": (TABLE.aggregate(a=TABLE.x.kurtosis()), {"bigquery", "databricks", "postgres", "spark"}),
    "Mode(code)": (TABLE.aggregate(a=TABLE.code.mode()), {"bigquery", "databricks", "spark"}),
    "First(x)": (TABLE.aggregate(a=TABLE.x.first(order_by="n")), {"databricks", "spark"}),
    "TimestampBucket(at, 2h)": (TABLE.select(a=TABLE.at.bucket(hours=2)), {"databricks", "spark"}),
    "JoinLink()": (TABLE.asof_join(OTHER, "at"), {"databricks", "spark"}),
    "Cast(at)": (TABLE.select(a=TABLE.at.cast("timestamp('Europe/Zurich')")), {"bigquery"}),
    "TimestampDiff(at, at)": (TABLE.select(a=TABLE.at - TABLE.at), {"bigquery"}),
    "WindowFunction(Sum(x), ": (TABLE.select(a=TABLE.x.sum().over(MONTHS)), {"bigquery"}),
}
"""Operations, and the engines that do not have them; docs/engines.md says the same."""


@pytest.mark.parametrize("operation", ASKED)
def test_every_engine_s_refusal_names_the_operation(operation: str) -> None:
    expression, refusing = ASKED[operation]
    reasons = {kind: why_not(expression, kind) for kind in ENGINES}
    assert {kind for kind, reason in reasons.items() if reason} == refusing
    assert all(reasons[kind].startswith(operation) for kind in refusing)  # type: ignore[union-attr]


def test_times_are_said_in_bigquery_s_own_words() -> None:
    """Ibis writes functions of TIMESTAMP for times without a zone, ranges of time, and days with spaces behind them."""
    changed = TABLE.select(
        a=TABLE.at + ibis.interval(hours=1),
        b=TABLE.at - TABLE.n.as_interval("m"),
        c=TABLE.at.epoch_seconds(),
        d=TABLE.at.cast("int64"),
        e=TABLE.at.day_of_week.full_name(),
        f=TABLE.x.sum().over(HOURS),
    )
    sql = sql_of(changed, "bigquery")
    for words in (
        "DATETIME_ADD(`t0`.`at`, INTERVAL '1' HOUR)",
        "DATETIME_SUB(`t0`.`at`, INTERVAL `t0`.`n` MINUTE)",
        "UNIX_SECONDS(CAST(`t0`.`at` AS TIMESTAMP))",
        "UNIX_MICROS(CAST(`t0`.`at` AS TIMESTAMP)) AS `d`",
        "FORMAT_DATETIME('%A', `t0`.`at`)",
        "ORDER BY UNIX_MICROS(CAST(`t0`.`at` AS TIMESTAMP)) ASC RANGE BETWEEN 18000000000 preceding AND CURRENT ROW",
    ):
        assert words in sql
    # A time in UTC is a TIMESTAMP, and needs no other words.
    zoned = TABLE.select(a=TABLE.at_utc + ibis.interval(hours=1), b=TABLE.at_utc.epoch_seconds())
    assert sql_of(zoned, "bigquery").count("TIMESTAMP_ADD(`t0`.`at_utc`") == 1


@pytest.fixture
def unportable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe with an operation that PostgreSQL and BigQuery do not have."""
    find = recipes.find_recipe

    def with_digest(name: str, client: str) -> recipes.Recipe:
        found = find(name, client)
        return recipes.Recipe(
            found.tables,
            found.join,
            lambda primary: primary.mutate(code=primary.sample_id.cast("string").hexdigest("sha256")),
        )

    monkeypatch.setattr("pipelines.prepare.portability.find_recipe", with_digest)


SENTENCE = (
    "engine postgres cannot run recipe clinic: features: HexDigest(Cast(sample_id, string)): Compilation rule for "
    "'HexDigest' operation is not defined"
)


def test_the_check_names_engines_and_operations(stood: Callable[[str], Any], tmp_path: Path, unportable: None) -> None:
    desk = stood("clinic").copy(tmp_path / "project")

    def check(*arguments: str) -> Any:
        return CliRunner().invoke(
            client_command, ["check", "clinic", *arguments], obj=SimpleNamespace(project_path=desk.project)
        )

    noted = check()
    assert noted.exit_code == 0
    assert "✓ clinic" in noted.output
    assert "cannot move to postgres: features: HexDigest(Cast(sample_id, string))" in noted.output
    assert "cannot move to bigquery" in noted.output
    assert "cannot move to spark" not in noted.output
    assert [finding["note"] for finding in json.loads(check("--json").stdout)["clinic"]] == [True, True]
    desk.engine(kind="postgres", host="nowhere.example", database="work", user="clinic")
    wrong = check()
    assert wrong.exit_code == 1
    assert f"✗ clinic: client clinic: {SENTENCE}" in wrong.output
    moved = CliRunner().invoke(
        client_command,
        ["move", "clinic", "--engine", "postgres", "--set", "host=h", "--set", "database=d", "--set", "user=u"],
        obj=SimpleNamespace(project_path=desk.project),
    )
    assert SENTENCE in moved.output
    assert not (desk.project / ".workbench" / "moves").exists()


@pytest.mark.parametrize(
    "engine",
    [
        {"kind": "postgres", "host": "nowhere.example", "database": "work", "user": "clinic"},
        {"kind": "bigquery", "project": "nowhere-1"},
    ],
)
def test_a_run_is_refused_before_its_first_node(
    stood: Callable[[str], Any], tmp_path: Path, unportable: None, engine: dict[str, str]
) -> None:
    desk = stood("clinic").copy(tmp_path / "project")
    asked = {"env": "clients/clinic", "project_path": str(desk.project)}
    EngineHooks().before_pipeline_run(asked, create_pipeline())  # DuckDB runs all there is
    desk.engine(**engine)
    with pytest.raises(ConfigurationError) as caught:
        EngineHooks().before_pipeline_run(asked, create_pipeline())
    assert SENTENCE.replace("postgres", engine["kind"]) in str(caught.value)
    EngineHooks().before_pipeline_run(asked, _nothing())  # a run that prepares nothing asks nothing


def _nothing() -> Any:
    from kedro.pipeline import Pipeline

    return Pipeline([])


def test_compiling_imports_no_engine() -> None:
    script = (
        "import sys; from pathlib import Path; from workbench.clients import ClientRegistry; "
        "from pipelines.prepare.portability import refusals; r = ClientRegistry(Path(sys.argv[1])); "
        "refusals(r.load('clinic'), r.schema('clinic'), ('duckdb', 'spark', 'bigquery', 'postgres')); "
        "print([m for m in ('pyspark', 'psycopg', 'google.cloud.bigquery', 'duckdb', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
