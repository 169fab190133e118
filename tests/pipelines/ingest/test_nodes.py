"""The pipeline as Kedro runs it: raw changes as a whole or not at all, and what failed can be looked at."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import pyarrow.parquet as pq
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from pipelines.ingest.parameters import IngestParameters
from pipelines.ingest.pipeline import create_pipeline
from workbench.clients import Schema
from workbench.datasets import JsonRecord, TableFolder
from workbench.datasets.sources import SourceTables, StagedTables
from workbench.errors import DataError
from workbench.files import sha256_of_folder

CLIENT = """
id: acme
title: Acme
owner: somebody
sources:
  people: {kind: csv, path: data/acme/00_source/people.csv}
  cities: {kind: csv, path: data/acme/00_source/cities.csv}
key: [id]
target: late
task: binary
metric: {name: roc_auc}
budgets: {bad_rows_share: 0.25}
"""
SCHEMA = {
    "people": {"key": ["id"], "columns": {"id": {"type": "int64"}, "city": {"type": "string", "nullable": True}}},
    "cities": {"columns": {"name": {"type": "string", "unique": True}}},
}


@pytest.fixture
def project(tmp_path: Path, client) -> SimpleNamespace:
    """A project with one client, and `run`, which runs the pipeline in it."""
    conf = tmp_path / "conf" / "clients" / "acme"
    conf.mkdir(parents=True)
    (conf / "client.yml").write_text(CLIENT)
    inputs = tmp_path / "data" / "acme" / "00_source"
    inputs.mkdir(parents=True)
    (inputs / "people.csv").write_text("id,city\n1,Basel\n2,Bern\n3,\n4,Biel\n")
    (inputs / "cities.csv").write_text("name\nBasel\nBern\n")
    out = tmp_path / "data" / "acme"

    def run(schema: dict[str, Any] | None = SCHEMA) -> None:
        source = SourceTables(client="acme", path=str(tmp_path / "conf"))
        catalog = DataCatalog(
            {
                "client": MemoryDataset(client.model_copy(update={"sources": _sources(tmp_path)})),
                "schema": MemoryDataset(Schema.model_validate({"tables": schema}) if schema else None),
                "sources": source,
                "params:ingest": MemoryDataset(IngestParameters()),
                "checked": StagedTables(filepath=str(out / "checked")),
                "quarantine": TableFolder(filepath=str(out / "quarantine")),
                "ingest_summary": JsonRecord(filepath=str(out / "ingest.json")),
                "raw": TableFolder(filepath=str(out / "raw")),
            }
        )
        SequentialRunner().run(create_pipeline(), catalog)

    return SimpleNamespace(inputs=inputs, out=out, run=run)


def _sources(root: Path) -> Any:
    from workbench.clients import ClientRegistry

    return ClientRegistry(root).load("acme").sources


def test_a_run_leaves_raw_quarantine_and_summary(project):
    (project.inputs / "people.csv").write_text("id,city\n1,Basel\nx,Bern\n3,\n4,Biel\n5,Thun\n")
    project.run()
    assert pq.read_table(project.out / "raw" / "people.parquet")["id"].to_pylist() == [1, 3, 4, 5]
    assert pq.read_table(project.out / "quarantine" / "people.parquet").to_pylist() == [
        {"id": "x", "city": "Bern", "_line": None, "_reasons": ["id is not int64"]}
    ]
    summary = json.loads((project.out / "ingest.json").read_text())
    assert summary["client"] == "acme"
    assert summary["tables"]["people"]["quarantined"] == 1
    assert summary["tables"]["people"]["source"]["kind"] == "csv"
    assert summary["tables"]["people"]["source"]["files"][0]["name"] == "people.csv"
    assert len(summary["tables"]["people"]["source"]["files"][0]["sha256"]) == 64
    assert not (project.out / "checked").exists()


def test_too_many_bad_rows_leave_the_old_raw_and_the_new_quarantine(project):
    project.run()
    before = sha256_of_folder(project.out / "raw")
    (project.inputs / "people.csv").write_text("id,city\n1,Basel\n1,Bern\n3,Chur,?\nx,Biel\n")
    with pytest.raises(DataError) as raised:
        project.run()
    assert str(raised.value) == (
        "client acme, table people: 3 of 4 rows are bad (75.00%), and budgets.bad_rows_share allows 25.00%: "
        "id is a duplicate (1); id is not int64 (1); line has too many values (1). "
        "Next: look at them with `catalog.load('quarantine')['people']`, then correct the source or "
        "conf/clients/acme/schema.yml; raw was left as it was"
    )
    assert sha256_of_folder(project.out / "raw") == before
    assert pq.read_table(project.out / "quarantine" / "people.parquet").num_rows == 3
    assert json.loads((project.out / "ingest.json").read_text())["tables"]["people"]["quarantined"] == 3


def test_the_ten_commonest_reasons_are_named(project):
    names = [f"c{number:02}" for number in range(12)]
    rows = [",".join("x" if column <= row else "1" for column in range(12)) for row in range(12)]
    (project.inputs / "people.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    schema = SCHEMA | {"people": {"columns": {name: {"type": "int64"} for name in names}}}
    with pytest.raises(DataError) as raised:
        project.run(schema)
    shown = "; ".join(f"c{number:02} is not int64 ({12 - number})" for number in range(10))
    assert f"allows 25.00%: {shown}; and 2 more reasons. Next" in str(raised.value)


def test_a_share_of_bad_rows_that_is_allowed_is_allowed(project):
    (project.inputs / "people.csv").write_text("id,city\n1,Basel\nx,Bern\n3,\n4,Biel\n")
    project.run()
    assert pq.read_table(project.out / "raw" / "people.parquet").num_rows == 3


def test_what_cannot_be_opened_changes_nothing(project):
    project.run()
    before = [sha256_of_folder(project.out / name) for name in ("raw", "quarantine")]
    (project.inputs / "people.csv").write_text("id,town\n1,Basel\n")
    with pytest.raises(DataError, match="column 'city' is missing .* did you mean 'town'"):
        project.run()
    assert [sha256_of_folder(project.out / name) for name in ("raw", "quarantine")] == before


def test_raw_is_the_same_to_the_byte_every_time(project):
    # Several row groups, rejected lines, and duplicates, so that joins and sorting take part.
    rows = [f"{number % 250_000},{'x' * (number % 7)}" for number in range(260_000)]
    (project.inputs / "people.csv").write_text("\n".join(["id,city", *rows, "1", ""]))
    digests = set()
    for _ in range(2):
        project.run()
        digests.add(sha256_of_folder(project.out))
    assert len(digests) == 1
    assert pq.read_table(project.out / "raw" / "people.parquet")["id"].to_pylist() == list(range(250_000))


def test_without_a_schema_types_are_inferred_and_it_is_said(project, caplog):
    with caplog.at_level(logging.WARNING, logger="pipelines.ingest.nodes"):
        project.run(None)
    assert pq.read_table(project.out / "raw" / "people.parquet").to_pylist()[2] == {"id": 3, "city": None}
    assert [record.getMessage() for record in caplog.records] == [
        f"client acme, table {table}: there is no schema in conf/clients/acme/schema.yml, so types are inferred and "
        "nothing is checked"
        for table in ("people", "cities")
    ]


def test_one_table_may_be_without_a_schema(project, caplog):
    project.run({"people": SCHEMA["people"]})
    assert [record.args[1] for record in caplog.records if record.name == "pipelines.ingest.nodes"] == ["cities"]


@pytest.mark.parametrize("node", create_pipeline().nodes, ids=lambda node: node.name)
def test_kedro_can_resolve_the_annotations_of_a_node(node):
    # One name that only a type checker knows, and Kedro warns, and hands the node a dict instead of its parameters.
    hints = get_type_hints(node.func)
    assert hints.get("parameters", IngestParameters) is IngestParameters


def test_the_pipeline_loads_nothing_heavy():
    code = (
        "import sys, pipelines.ingest.pipeline as p; p.create_pipeline()\n"
        "print([m for m in ('ibis', 'duckdb', 'pandas', 'pyarrow', 'pandera', 'sklearn', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "[]\n"


def test_killed_before_it_published_a_run_leaves_the_old_raw(project, monkeypatch):
    project.run()
    before = sha256_of_folder(project.out / "raw")
    (project.inputs / "people.csv").write_text("id,city\n9,Basel\n")
    _kill_when_loading("checked", monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        project.run()
    assert sha256_of_folder(project.out / "raw") == before
    assert (project.out / "checked").exists()
    monkeypatch.undo()
    project.run()
    assert pq.read_table(project.out / "raw" / "people.parquet")["id"].to_pylist() == [9]


def _kill_when_loading(name: str, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    load: Callable[..., Any] = StagedTables.load
    seen: list[str] = []

    def interrupted(self: StagedTables) -> Any:
        seen.append(name)
        if len(seen) == times:
            raise KeyboardInterrupt
        return load(self)

    monkeypatch.setattr(StagedTables, "load", interrupted)
