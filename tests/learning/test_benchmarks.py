"""The benchmarks run on a machine that has torch, numpy, pandas, pyarrow and scikit-learn, and nothing of the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ABSENT = ("kedro", "mlflow", "ibis", "duckdb", "pydantic", "click", "tabm", "rtdl_num_embeddings", "lightgbm", "optuna")


PROGRAM = f"""
import runpy, sys
from importlib.abc import MetaPathFinder

class Bare(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Bare())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {ABSENT!r} else found(name, package)
for name, *arguments in (
    ("tabular_quality", "--quick", "--tables", "wine", "--seeds", "1"),
    ("training_speed", "--rows", "2000", "--rounds", "1"),
    ("many_tables", "--tables", "2", "--rows", "200", "--epochs", "1"),
    ("streaming", "--rows", "2000", "--columns", "3", "--parts", "4", "--group", "200", "--epochs", "2"),
):
    sys.argv = [name, *arguments]
    runpy.run_module(f"benchmarks.{{name}}", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.integration
def test_quality_and_speed_are_printed_where_none_of_the_rest_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, wine, network, _, *ways, bars = done.stdout.splitlines()[:-10]
    many, _, alone, together, moved = done.stdout.splitlines()[-10:-5]
    _, _, *streamed = done.stdout.splitlines()[-5:]
    assert [line[:16].rstrip() for line in streamed] == ["resident", "streamed", "in file order"]
    assert "LightGBM" not in head
    assert wine.startswith("wine")
    assert head.split()[4:6] == ["default", "run"]
    assert wine.count("±") == 4
    assert wine.count("*") == 1
    assert network.startswith("tabm of ")
    assert [way[:36].rstrip() for way in ways] == [
        "bare step on a resident batch",
        "our trainer, validation included",
        "plain DataLoader loop",
    ]
    assert bars.count("bar ≥") == 2
    assert many.startswith("2 tables of 200 rows, tabm of ")
    assert (alone.split()[0], together.split()[0]) == ("alone", "together")
    assert alone.split()[2] == "1.00"
    assert moved.startswith("a table's metric moved by ")
