from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from workbench.datasets import CsvTable, JsonRecord, ParquetTable, TableFolder, TextFile
from workbench.engines import connection

ROWS = pa.table({"key": [3, 1, 2], "word": ["c", "a", None]})


def test_an_expression_streams_to_parquet_and_loads_lazily(tmp_path: Path) -> None:
    dataset = ParquetTable(filepath=str(tmp_path / "t.parquet"))
    expression = connection().create_table("rows_in", ROWS, temp=True, overwrite=True).order_by("key")
    dataset.save(expression)
    assert dataset.load().to_pyarrow().to_pylist() == sorted(ROWS.to_pylist(), key=lambda row: row["key"])


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    table = connection().sql("select i as key, hash(i) as h from range(300000) t(i)").order_by("key")
    for name in ("a", "b"):
        ParquetTable(filepath=str(tmp_path / name)).save(table)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_metadata_of_an_arrow_table_is_in_the_file(tmp_path: Path) -> None:
    ParquetTable(filepath=str(tmp_path / "t.parquet")).save(ROWS.replace_schema_metadata({"run": "1"}))
    assert pq.read_schema(tmp_path / "t.parquet").metadata[b"run"] == b"1"


def test_a_folder_of_tables_changes_as_a_whole(tmp_path: Path) -> None:
    dataset = TableFolder(filepath=str(tmp_path / "raw"))
    dataset.save({"a": ROWS, "b": ROWS})
    dataset.save({"b": ROWS.slice(0, 1)})
    assert {name: table.count().execute() for name, table in dataset.load().items()} == {"b": 1}


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", ""])
def test_a_table_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="is not an identifier"):
        TableFolder(filepath=str(tmp_path / "raw")).save({name: ROWS})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"t.parquet does not exist. Next: run the pipeline that makes it"):
        ParquetTable(filepath=str(tmp_path / "t.parquet")).load()


def test_a_truncated_table_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    ParquetTable(filepath=str(path)).save(ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"cannot be read as Parquet .* Next: make it again"):
        ParquetTable(filepath=str(path)).load()


def test_killed_in_a_write_the_old_table_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    ParquetTable(filepath=str(path)).save(ROWS)
    before = path.read_bytes()
    script = textwrap.dedent(
        f"""
        import os, signal, threading, time
        from workbench.datasets import ParquetTable
        from workbench.engines import connection
        table = connection().sql("select i, random() as r from range(100000000) t(i)")
        def kill():
            while not any(n.startswith(".staging-") and os.path.getsize(os.path.join({str(tmp_path)!r}, n)) > 100_000
                          for n in os.listdir({str(tmp_path)!r})):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=kill).start()
        ParquetTable(filepath={str(path)!r}).save(table)
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == before


def test_records(tmp_path: Path) -> None:
    record = JsonRecord(filepath=str(tmp_path / "r.json"))
    record.save({"b": 1, "a": "ü"})
    assert record.load() == {"b": 1, "a": "ü"}
    assert (tmp_path / "r.json").read_text() == '{\n  "b": 1,\n  "a": "ü"\n}\n'
    with pytest.raises(DatasetError, match="Out of range float values"):
        record.save({"a": float("nan")})
    assert record.load() == {"b": 1, "a": "ü"}


def test_small_tables_and_text(tmp_path: Path) -> None:
    table = CsvTable(filepath=str(tmp_path / "t.csv"))
    table.save(pa.table({"x": [1, 2], "y": ["a", "b,c"]}))
    assert (tmp_path / "t.csv").read_text() == '"x","y"\n1,"a"\n2,"b,c"\n'
    assert table.load().to_pylist() == [{"x": 1, "y": "a"}, {"x": 2, "y": "b,c"}]
    text = TextFile(filepath=str(tmp_path / "t.html"))
    text.save("<p>ü")
    assert text.load() == "<p>ü"
