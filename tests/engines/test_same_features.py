"""Every client's features are the same on every engine, row for row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.engines.stub import places_in

RELATIVE = 1e-9
"""What two engines may differ by where they add up fractions, each in its own order; docs/engines.md says it."""


def compare(found: Path, wanted: Path) -> None:
    """Every column of every row; text, times, keys and missing values exactly."""
    mine, theirs = pq.read_table(found), pq.read_table(wanted)
    assert mine.schema == theirs.schema
    assert mine.num_rows == theirs.num_rows
    for name in mine.column_names:
        a, b = mine[name].combine_chunks(), theirs[name].combine_chunks()
        if pa.types.is_floating(a.type):
            assert a.is_null().equals(b.is_null()), name
            a, b = (np.asarray(column.fill_null(0)) for column in (a, b))
            assert np.allclose(a, b, rtol=RELATIVE, atol=0), name
        else:
            assert a.equals(b), name


def check_client(desk: Any, reference: Any, settings: dict[str, Any], *pipelines: str) -> None:
    desk.engine(**settings)
    for path in ("01_raw", "03_primary", "04_feature") if "ingest" in pipelines else ("03_primary", "04_feature"):
        for file in (desk.data / path).iterdir():
            file.unlink()
    desk.run(*pipelines)
    features = "04_feature/features.parquet"
    compare(desk.data / features, reference.data / features)
    assert (desk.data / "04_feature/features.json").read_text() == (
        reference.data / "04_feature/features.json"
    ).read_text()
    # The joined table stayed where it was made: here lie its columns, and where it is.
    assert pq.read_metadata(desk.data / "03_primary/primary.parquet").num_rows == 0
    (name,) = (places_in(desk.data / "03_primary/primary.parquet") or {}).values()
    from workbench.engines import warehouse_of

    warehouse = warehouse_of(desk.project, desk.client)
    assert warehouse is not None
    names = warehouse.names()
    assert name in names
    raw = sorted((desk.data / "01_raw").glob("*.parquet"))
    assert len(names) == len(raw) + 2  # one copy of each, the joined table, the features; nothing else was left
    rows = warehouse.table(name)
    assert (
        warehouse.fetch(rows.aggregate(n=rows.count()))[0]["n"]
        == pq.read_metadata(reference.data / "03_primary/primary.parquet").num_rows
    )


clients = pytest.mark.parametrize(
    ("client", "pipelines"),
    [
        ("clinic", ("ingest", "prepare")),
        # What was ingested before the engine was another goes there when it is asked for.
        pytest.param("skyways", ("prepare",), marks=pytest.mark.slow),
        pytest.param("skyways", ("ingest", "prepare"), marks=pytest.mark.slow),
        pytest.param("tradewinds", ("ingest", "prepare"), marks=pytest.mark.slow),
    ],
)


@pytest.mark.integration
@clients
def test_postgres(
    client: str, pipelines: tuple[str, ...], stood: Callable[[str], Any], tmp_path: Path, postgres: dict[str, Any]
) -> None:
    check_client(stood(client).copy(tmp_path / "project"), stood(client), postgres, *pipelines)


@pytest.mark.integration
@clients
def test_bigquery(
    client: str, pipelines: tuple[str, ...], stood: Callable[[str], Any], tmp_path: Path, in_bigquery: dict[str, Any]
) -> None:
    check_client(stood(client).copy(tmp_path / "project"), stood(client), in_bigquery, *pipelines)


@pytest.mark.spark
@pytest.mark.parametrize("client", ["clinic", "skyways", "tradewinds"])
def test_spark(client: str, stood: Callable[[str], Any], tmp_path: Path, spark: dict[str, Any]) -> None:
    check_client(stood(client).copy(tmp_path / "project"), stood(client), spark, "ingest", "prepare")


def check_auto(acme: Any, settings: dict[str, Any]) -> None:
    """The recipe that judges columns of every kind by aggregates asks engines for more than any other."""
    acme.run("ingest", "prepare")
    reference = acme.copy(acme.project.with_name("reference"))
    check_client(acme, reference, settings, "ingest", "prepare")
    roles = json.loads((acme.data / "04_feature/features.json").read_text())
    assert set(roles["categorical"]) > {"city", "code"}
    assert {"born_days_before", "price", "weight_missing", "wrote_month"} <= set(roles["numeric"])


@pytest.mark.integration
def test_auto_on_postgres(acme: Any, postgres: dict[str, Any]) -> None:
    check_auto(acme, postgres)


@pytest.mark.slow
@pytest.mark.integration
def test_auto_on_bigquery(acme: Any, in_bigquery: dict[str, Any]) -> None:
    check_auto(acme, in_bigquery)


@pytest.mark.spark
def test_auto_on_spark(acme: Any, spark: dict[str, Any]) -> None:
    check_auto(acme, spark)
