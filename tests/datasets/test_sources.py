"""Sources are opened when they are asked for, in a private folder that goes away; staged tables go with their run."""

from __future__ import annotations

import gc
import gzip
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DatasetError

from workbench.datasets.sources import SourceTables, StagedTables
from workbench.engines import connection
from workbench.errors import DataError

CLIENT = """
id: acme
title: Acme
owner: somebody
sources:
  people: {kind: csv, path: people.csv.gz}
  missing: {kind: csv, path: nowhere.csv}
key: [id]
target: late
task: binary
metric: {name: roc_auc}
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceTables:
    folder = tmp_path / "conf" / "clients" / "acme"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text(CLIENT)
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(b"id\n1\n2\n"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return SourceTables(client="acme", path=str(tmp_path / "conf"))


def test_nothing_is_opened_before_it_is_asked_for(sources, tmp_path):
    tables = sources.load()
    assert list(tables) == ["people", "missing"]
    assert not list((tmp_path / "tmp").iterdir())
    assert tables["people"](0.1).rows["id"].to_pyarrow().to_pylist() == ["1", "2"]
    with pytest.raises(DataError, match="client acme, table missing: no file is at 'nowhere.csv'"):
        tables["missing"](0.1)


def test_the_scratch_folder_is_private_and_goes_away_with_the_dataset(sources, tmp_path):
    sources.load()["people"](0.1)
    (scratch,) = (tmp_path / "tmp").iterdir()
    assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    # The fixture and this test hold the dataset; what the fixture gave out is finalized by hand.
    finalize = [ref for ref in gc.get_objects() if type(ref).__name__ == "finalize" and ref.peek()]
    next(ref for ref in finalize if ref.peek()[0] is sources)()
    assert not scratch.exists()


def test_the_scratch_folder_goes_away_with_the_process(sources, tmp_path):
    code = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[2]\n"
        "from workbench.datasets.sources import SourceTables\n"
        "source = SourceTables(client='acme', path=sys.argv[1]); source.load()['people'](0.1)\n"
        "from pathlib import Path; assert [p for p in Path(sys.argv[2]).iterdir() if 'duckdb' not in p.name]"
    )
    scratch = tmp_path / "tmp"
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path / "conf"), str(scratch)], check=True)
    assert not list(scratch.iterdir())


def test_sources_are_read_only(sources):
    with pytest.raises(DatasetError, match="SourceTables is read only"):
        sources.save({})


def test_staged_tables_are_there_until_they_are_released(tmp_path):
    staged = StagedTables(filepath=str(tmp_path / "checked"))
    staged.save({"people": connection().sql("SELECT 1 AS id")})
    assert staged.load()["people"].to_pyarrow().to_pylist() == [{"id": 1}]
    staged.release()
    assert not staged.exists()
    staged.release()


def test_advice_on_how_to_resume_does_not_count_on_staged_tables():
    assert StagedTables._EPHEMERAL
