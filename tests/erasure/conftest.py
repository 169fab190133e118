"""A project of two clients with everything that runs leave behind, made by hand: no pipeline has to run for it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.fleet.ledger import Ledger
from workbench.registry import local_store
from workbench.registry.store import open_store
from workbench.schedules.book import SlotBook

CLIENT = """
id: {id}
title: The {id} company
owner: somebody
sources:
  orders: {{kind: csv, path: data/{id}/00_landing/orders.csv}}
  people: {{kind: csv, path: data/{id}/00_landing/people.csv}}
key: [order_id]
target: late
task: binary
metric: {{name: roc_auc}}
"""
CLIENTS = ("acme", "acme_2")
"""One's id begins with the other's."""
SUBJECT = "P000042"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, made once: that takes seconds."""
    folder = tmp_path_factory.mktemp("store")
    open_store(folder)
    return local_store.artifacts(folder).parent


@pytest.fixture
def signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's private key lies, outside of its project; the temporary folder is its own, too."""
    path = tmp_path / "keys" / "signing_key"
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", str(path))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return path


@pytest.fixture
def lived_in(tmp_path: Path, empty_store: Path, signing_key: Path) -> Path:
    """The project."""
    project = tmp_path / "a project"
    project.mkdir()
    shutil.copytree(empty_store, project / ".mlflow")
    local_store.prepare(project)  # the paths in it become this project's
    (project / "dvc.yaml").write_text(f"vars:\n  - clients: [{', '.join(CLIENTS)}]\n")
    (project / "README.md").write_text("`acme` is one of the clients.\n")
    for number, client in enumerate(CLIENTS, start=1):
        _configure(project, client)
        _tables(project, client)
        _pages(project, client)
        _runs(project, client, number)
    _cache(project)
    return project


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _configure(project: Path, client: str) -> None:
    _write(project / "conf/clients" / client / "client.yml", CLIENT.format(id=client))


def _tables(project: Path, client: str) -> None:
    data = project / "data" / client
    people = [f"P{n:06}" for n in range(40, 45)]
    orders = {"order_id": [f"{client}-O{n:04}" for n in range(20)], "person": [people[n % 5] for n in range(20)]}
    late = [n % 2 for n in range(20)]
    _table(data / "01_raw/orders.parquet", orders | {"late": late})
    _table(data / "01_raw/people.parquet", {"person": people, "name": [f"{client} {one}" for one in people]})
    _table(data / "03_primary/primary.parquet", orders | {"late": late})
    _table(data / "04_feature/features.parquet", {"order_id": orders["order_id"], "late": late})
    _table(data / "07_model_output/predictions.parquet", {"order_id": orders["order_id"], "prediction": late},
           {b"workbench.client": client.encode()})  # fmt: skip
    _table(data / "02_intermediate/quarantine/orders.parquet", {
        "order_id": ["x1", "x2"], "person": [SUBJECT, people[0]], "late": ["?", "?"],
        "_line": [None, f"x3;{SUBJECT};?;?"], "_reasons": [["late: not int64"], ["5 columns"]],
    })  # fmt: skip
    _write(data / "00_landing/people.csv", "person,name\n" + "".join(f"{p},{client} {p}\n" for p in people))
    rows = zip(orders["order_id"], orders["person"], late, strict=True)
    _write(data / "00_landing/orders.csv", "order_id,person,late\n" + "".join(f"{o},{p},{y}\n" for o, p, y in rows))
    _write(data / "04_feature/features.json", json.dumps({"key": ["order_id"]}))
    _write(data / ".staging-0123-x.parquet", SUBJECT)


def _table(path: Path, columns: dict[str, list[object]], metadata: dict[bytes, bytes] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def _pages(project: Path, client: str) -> None:
    for path in (
        f"data/{client}/08_reporting/model_card.html", f"data/{client}/08_reporting/model_card.tables/errors.json",
        f"deliveries/{client}/reports/nightly/a.html", f"models/{client}/candidate/model.json",
    ):  # fmt: skip
        _write(project / path, f"{client}: {SUBJECT}")
    cell = {"cell_type": "code", "metadata": {}, "source": f"%client {client}", "execution_count": 1, "id": "a1",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": f"{client} {SUBJECT}"}]}  # fmt: skip
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    _write(project / "notebooks/explore" / client / "look.ipynb", json.dumps(notebook))
    _write(project / f"notebooks/explore/about_{client}.ipynb", json.dumps(notebook))
    _write(project / f"notebooks/explore/.ipynb_checkpoints/about_{client}-checkpoint.ipynb", json.dumps(notebook))
    _write(project / ".workbench/reports/fleet_overview.html", "acme, acme_2")


def _runs(project: Path, client: str, number: int) -> None:
    artifacts = local_store.artifacts(project) / client
    run, model = f"run{number:029}", f"m-{number:030}"
    for path in (f"{run}/artifacts/evaluation/segments.csv", f"models/{model}/artifacts/input_example.json",
                 f"models/{model}/artifacts/data/model/model.json", f"models/{model}/artifacts/MLmodel"):  # fmt: skip
        _write(artifacts / path, f"{client} example")
    with closing(sqlite3.connect(project / ".mlflow/mlflow.db")) as db, db:

        def insert(table: str, **values: object) -> None:
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

        insert(
            "experiments",
            experiment_id=number,
            name=client,
            artifact_location=str(artifacts),
            lifecycle_stage="active",
            workspace="default",
        )
        insert("runs", run_uuid=run, experiment_id=number, name=f"{client} train", status="FINISHED", lifecycle_stage="active",
               artifact_uri=str(artifacts / run / "artifacts"))  # fmt: skip
        insert("tags", key="client", value=client, run_uuid=run)
        insert("params", key="train.epochs", value="3", run_uuid=run)
        insert("metrics", key="loss", value=0.5, timestamp=1, run_uuid=run, step=0, is_nan=False)
        insert("datasets", dataset_uuid=f"d{number}", experiment_id=number, name="raw.orders", digest="abc", dataset_source_type="local",
               dataset_source=f"data/{client}/01_raw")  # fmt: skip
        insert(
            "inputs",
            input_uuid=f"i{number}",
            source_type="DATASET",
            source_id=f"d{number}",
            destination_type="RUN",
            destination_id=run,
        )
        insert("input_tags", input_uuid=f"i{number}", name="mlflow.data.context", value=client)
        insert("logged_models", model_id=model, experiment_id=number, name="model", artifact_location=str(artifacts / "models" / model / "artifacts"),
               creation_timestamp_ms=1, last_updated_timestamp_ms=1, status=2, lifecycle_stage="active", source_run_id=run)  # fmt: skip
        insert(
            "registered_models",
            name=client,
            creation_time=1,
            last_updated_time=1,
            description=f"The {client} company",
            workspace="default",
        )
        insert("model_versions", name=client, version=1, creation_time=1, last_updated_time=1, source=f"models:/{model}", run_id=run,
               current_stage="None", status="READY", workspace="default")  # fmt: skip
        insert("model_version_tags", key="client", value=client, name=client, version=1, workspace="default")
        insert("registered_model_aliases", alias="champion", version=1, name=client, workspace="default")
    _ledger(project, client, number)


def _ledger(project: Path, client: str, number: int) -> None:
    book = Ledger.of(project)
    run = book.start(client, "train")
    book.finish(run, "succeeded", seconds=1.0)
    _write(project / f".workbench/logs/{run}.log", f"{client} was trained")
    with closing(sqlite3.connect(book.path)) as db, db:
        db.execute("INSERT INTO schedule VALUES (?, 'nightly', '2026-01-01', NULL)", (client,))
        db.execute(
            "INSERT INTO slot (number, client, schedule, due, state, finished) VALUES (?, ?, 'nightly', '2026-01-02', 'delivered', 'x')",
            (number, client),
        )
        db.execute("INSERT INTO receipt (slot, destination, recipient, state, digest, templates, at) VALUES (?, 'boss', ?, 'sent', 'd', 't', 'a')",
                   (number, f"boss@{client}.example"))  # fmt: skip
    _write(project / f".workbench/logs/slots/{number}.log", f"{client} was served")
    SlotBook(project).lock(client)


def _cache(project: Path) -> None:
    """Two objects of acme's, one of them in a folder; one of acme_2's; and one that both have."""
    objects = {
        "aa" + "1" * 30: b"acme's table",
        "bb" + "2" * 30: b"acme_2's table",
        "cc" + "3" * 30: b"shared",
        "ee" + "5" * 30: b"in a folder",
    }
    listing = "dd" + "4" * 30 + ".dir"
    objects[listing] = json.dumps([{"md5": "ee" + "5" * 30, "relpath": "a"}]).encode()
    for store in ("cache", "remote"):
        for digest, content in objects.items():
            path = project / ".dvc" / store / "files/md5" / digest[:2] / digest[2:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    _write(
        project / ".dvc/config",
        "['remote \"local\"']\n    url = remote\n['remote \"far\"']\n    url = s3://me:secret@bucket/x\n",
    )
    stage = "  ingest@{0}:\n    cmd: kedro run --env clients/{0}\n    outs:\n{1}"
    out = "    - path: data/{0}/{1}\n      md5: {2}\n"
    acme = "".join(
        out.format("acme", name, md5)
        for name, md5 in (("01_raw", listing), ("04_feature/f.parquet", "aa" + "1" * 30), ("empty", "cc" + "3" * 30))
    )
    other = "".join(
        out.format("acme_2", name, md5) for name, md5 in (("a.parquet", "bb" + "2" * 30), ("empty", "cc" + "3" * 30))
    )
    _write(
        project / "dvc.lock", "schema: '2.0'\nstages:\n" + stage.format("acme", acme) + stage.format("acme_2", other)
    )
