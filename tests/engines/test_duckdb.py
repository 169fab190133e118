from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workbench.engines import connection, is_expression, write_parquet


def test_there_is_one_connection() -> None:
    assert connection() is connection()


@pytest.mark.parametrize("name", ["plain", "it's", 'q"x', "both'\"", "back\\slash", "üñ", "a b;--", "%s $1 ?"])
def test_a_path_is_never_read_as_sql(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    write_parquet(connection().sql("select 1 as one"), folder / f"{name}.parquet")
    assert [path.name for path in folder.iterdir()] == [f"{name}.parquet"]
    assert pq.read_table(folder / f"{name}.parquet").to_pylist() == [{"one": 1}]


def test_rows_keep_the_order_of_the_expression(tmp_path: Path) -> None:
    table = connection().sql("select i from range(400000) t(i)")
    write_parquet(table.order_by(table.i.desc()), tmp_path / "t.parquet")
    column = pq.read_table(tmp_path / "t.parquet")["i"].to_pylist()
    assert column == list(range(399_999, -1, -1))


def test_a_table_in_memory_is_written_too(tmp_path: Path) -> None:
    import ibis

    table = connection().sql("select 1::bigint as a").union(ibis.memtable({"a": [2]}))
    write_parquet(table.order_by("a"), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet")["a"].to_pylist() == [1, 2]


SPILL = """
import sys, pathlib
from workbench.engines import connection, write_parquet
folder = pathlib.Path(connection().con.execute("select current_setting('temp_directory')").fetchone()[0])
connection().raw_sql("set memory_limit = '150MB'")
table = connection().sql("select i, hash(i) as h, repeat('x', 50) || i as text from range(3000000) t(i)")
write_parquet(table.order_by("h"), pathlib.Path(sys.argv[1]))
print(folder, oct(folder.stat().st_mode & 0o777))
"""


@pytest.mark.slow
def test_what_does_not_fit_into_memory_goes_to_a_private_folder_that_is_gone_afterwards(tmp_path: Path) -> None:
    scratch, project = tmp_path / "scratch", tmp_path / "project"
    scratch.mkdir()
    project.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SPILL, str(tmp_path / "out.parquet")],
        cwd=project,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, mode = done.stdout.split()
    assert Path(folder).parent == scratch
    assert mode == oct(stat.S_IRWXU)
    assert list(scratch.iterdir()) == []
    assert list(project.iterdir()) == []


def test_asking_whether_it_is_an_expression_does_not_import_ibis() -> None:
    script = "import sys; from workbench.engines import is_expression; print(is_expression(1), 'ibis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert is_expression(connection().sql("select 1 as one"))


def test_a_connection_opens_in_a_notebook() -> None:
    # In a kernel without ipywidgets DuckDB refuses settings that it takes everywhere else.
    import nbclient
    import nbformat

    cell = nbformat.v4.new_code_cell(
        "from workbench.engines import connection\nconnection().sql('SELECT 1').to_pyarrow()"
    )
    nbclient.NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=60, kernel_name="python3").execute()
