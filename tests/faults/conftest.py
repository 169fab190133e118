"""A client that ran well once, what stands there since, and what a person sees when the next delivery is bad."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from workbench.cli.client import client as client_command
from workbench.cli.explain import Failure, explained

CLIENT: dict[str, Any] = {
    "id": "acme",
    "title": "Acme",
    "owner": "somebody@example.com",
    "sources": {"people": {"kind": "csv", "path": "data/acme/00_landing/people.csv"}},
    "key": ["id"],
    "target": "late",
    "task": "binary",
    "metric": {"name": "roc_auc"},
    "budgets": {"bad_rows_share": 0.25},
}
SCHEMA: dict[str, Any] = {
    "key": ["id"],
    "columns": {
        "id": {"type": "int64"},
        "city": {"type": "string", "nullable": True},
        "late": {"type": "int64", "min": 0, "max": 1},
    },
}
GOOD = b"id,city,late\n1,Basel,0\n2,Bern,1\n3,,0\n4,Biel,1\n"


class Desk:
    """One client's project, as a person at a terminal has it.

    Attributes:
        project: its folder.
        inbox: the client's folder for deliveries.
        data: the client's folder of results.
    """

    def __init__(self, project: Path) -> None:
        self.project = project
        self.data = project / "data" / "acme"
        self.inbox = self.data / "00_landing"

    def deliver(self, files: dict[str, bytes]) -> None:
        """Put files where the client's source looks for them; ``people.csv`` is the usual one."""
        for path in self.inbox.iterdir():
            path.unlink()
        for name, content in files.items():
            (self.inbox / name).write_bytes(content)

    def configure(self, *, schema: dict[str, Any] | None = SCHEMA, **changes: Any) -> None:
        """Write client.yml and schema.yml."""
        folder = self.project / "conf" / "clients" / "acme"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "client.yml").write_text(yaml.safe_dump(CLIENT | changes, allow_unicode=True))
        (folder / "schema.yml").unlink(missing_ok=True)
        if schema is not None:
            (folder / "schema.yml").write_text(yaml.safe_dump({"tables": {"people": schema}}, allow_unicode=True))

    def read(self, **settings: Any) -> None:
        """Change the settings of the source."""
        source = {"kind": "csv", "path": "data/acme/00_landing/people.csv"} | settings
        path = self.project / "conf" / "clients" / "acme" / "client.yml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"sources": {"people": source}}))

    # ---- commands ---------------------------------------------------------------------------------------------------

    def run(self, *pipelines: str) -> None:
        """``kedro run --pipelines …``, in this process."""
        from kedro.io import DataCatalog, MemoryDataset
        from kedro.runner import SequentialRunner

        from pipelines.ingest.parameters import IngestParameters
        from pipelines.ingest.pipeline import create_pipeline as ingest
        from pipelines.prepare.parameters import PrepareParameters
        from pipelines.prepare.pipeline import create_pipeline as prepare
        from workbench.datasets import JsonRecord, ParquetTable, TableFolder
        from workbench.datasets.clients import ClientRecord, ClientSchema
        from workbench.datasets.sources import SourceTables, StagedTables

        conf, data = str(self.project / "conf"), self.data
        catalog = {
            "client": ClientRecord(client="acme", path=conf),
            "schema": ClientSchema(client="acme", path=conf),
            "sources": SourceTables(client="acme", path=conf),
            "params:ingest": MemoryDataset(IngestParameters()),
            "params:prepare": MemoryDataset(PrepareParameters()),
            "checked": StagedTables(filepath=str(data / "02_intermediate" / "checked")),
            "quarantine": TableFolder(filepath=str(data / "02_intermediate" / "quarantine")),
            "ingest_summary": JsonRecord(filepath=str(data / "08_reporting" / "ingest.json")),
            "raw": TableFolder(filepath=str(data / "01_raw")),
            "primary": ParquetTable(filepath=str(data / "03_primary" / "primary.parquet")),
            "features": ParquetTable(filepath=str(data / "04_feature" / "features.parquet")),
            "feature_roles": JsonRecord(filepath=str(data / "04_feature" / "features.json")),
        }
        made = {"ingest": ingest, "prepare": prepare}
        for name in pipelines:
            explained(SequentialRunner().run)(made[name](), DataCatalog(dict(catalog)))

    def command(self, *arguments: str) -> str:
        """``kedro client …``: what it prints, standard error behind standard output."""
        done = CliRunner().invoke(client_command, arguments, obj=SimpleNamespace(project_path=self.project))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    # ---- what stands there ------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, bytes]:
        """Every file of the project but the deliveries: path to bytes."""
        return {
            path.relative_to(self.project).as_posix(): path.read_bytes()
            for path in sorted(self.project.rglob("*"))
            if path.is_file() and self.inbox not in path.parents
        }

    def table(self, name: str = "01_raw/people") -> list[dict[str, Any]]:
        """The rows of a table."""
        import pyarrow.parquet as pq

        return pq.read_table(self.data / f"{name}.parquet").to_pylist()


@pytest.fixture(scope="session")
def _stood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("stood")
    desk = Desk(project)
    desk.inbox.mkdir(parents=True)
    desk.configure()
    desk.deliver({"people.csv": GOOD})
    desk.run("ingest")
    return project


@pytest.fixture
def desk(_stood: Path, tmp_path: Path) -> Desk:
    """A client whose last ingest went well."""
    return Desk(Path(shutil.copytree(_stood, tmp_path / "project")))


@pytest.fixture
def seen() -> Callable[[Callable[[], Any]], str]:
    """What a person reads when something is refused; an error that is not explained fails the test as it is."""

    def read(act: Callable[[], Any]) -> str:
        with pytest.raises(click.ClickException) as caught:
            act()
        assert isinstance(caught.value, Failure)
        return caught.value.message

    return read


@pytest.fixture
def no_rest(tmp_path: Path) -> Iterator[None]:
    """Afterwards no half-written file is left anywhere."""
    yield
    assert [path.name for path in tmp_path.rglob(".staging-*")] == []
