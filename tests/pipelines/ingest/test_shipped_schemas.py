"""The schemas of the three clients are true to their data, and say what every column is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.ingest.nodes import check_rows, publish_raw, summarise_tables
from pipelines.ingest.parameters import IngestParameters
from workbench.clients import ClientRegistry, Schema
from workbench.datasets.sources import SourceTables, StagedTables

PROJECT = Path(__file__).parents[3]
REGISTRY = ClientRegistry(PROJECT)
DOCUMENTATION = (PROJECT / "docs" / "ingest.md").read_text(encoding="utf-8")

ROWS = {
    "skyways": {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16},
    "clinic": {"samples": 569},
    # Scale factor 0.01.
    "tradewinds": {
        "customer": 1_500,
        "lineitem": 60_175,
        "nation": 25,
        "orders": 15_000,
        "part": 2_000,
        "partsupp": 8_000,
        "region": 5,
        "supplier": 100,
    },
}
BAD = {"skyways": {"weather": {"wind_speed is above 200": 1}}}


@pytest.mark.parametrize(
    "client_id", ["clinic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("skyways", "tradewinds"))]
)
def test_the_data_of_a_client_passes_its_schema(client_id, tmp_path):
    client, schema = REGISTRY.load(client_id), REGISTRY.schema(client_id)
    sources = SourceTables(client=client_id, path=str(PROJECT / "conf")).load()
    checked, files = check_rows(client, schema, sources, IngestParameters(scale_factor=0.01))
    staged = StagedTables(filepath=str(tmp_path / "checked"))
    staged.save(checked)
    _, summary = summarise_tables(client, staged.load(), files)
    assert {table: found["read"] for table, found in summary["tables"].items()} == dict(sorted(ROWS[client_id].items()))
    bad = {table: found["reasons"] for table, found in summary["tables"].items() if found["reasons"]}
    assert bad == BAD.get(client_id, {})
    raw = publish_raw(client, schema, staged.load(), summary)
    assert set(raw) == set(ROWS[client_id])


@pytest.mark.parametrize("client_id", ["clinic", "skyways", "tradewinds"])
def test_every_table_has_a_key_and_every_column_a_description(client_id):
    schema = REGISTRY.schema(client_id)
    assert set(schema.tables) == set(REGISTRY.load(client_id).sources)
    assert all(table.key and table.description for table in schema.tables.values())
    columns = {(name, column) for name, table in schema.tables.items() for column in table.columns}
    assert {(t, c) for t, c in columns if not schema.tables[t].columns[c].description} == set()


def test_the_schema_in_the_documentation_is_one():
    (block,) = re.findall(r"```yaml\n# conf/clients/<client>/schema.yml\n(.*?)```", DOCUMENTATION, re.DOTALL)
    columns = Schema.model_validate(yaml.safe_load(block)).tables["people"].columns
    assert {column.type for column in columns.values()} == {"int64", "string", "date", "decimal", "timestamp"}


def test_the_documentation_shows_a_message_as_it_is():
    shown = " ".join(DOCUMENTATION.replace("\n  >", " ").split())
    assert (
        "client acme, table people: 3 of 4 rows are bad (75.00%), and budgets.bad_rows_share allows 25.00%: "
        "id is a duplicate (1); id is not int64 (1); line has too many values (1). "
        "Next: look at them with `catalog.load('quarantine')['people']`, then correct the source or "
        "conf/clients/acme/schema.yml; raw was left as it was"
    ) in shown
