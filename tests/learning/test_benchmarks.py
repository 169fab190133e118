"""The benchmark of quality runs where torch, numpy, pandas, pyarrow and scikit-learn are, and nothing of the rest."""

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
sys.argv = ["tabular_quality", "--quick", "--tables", "wine", "--seeds", "1"]
runpy.run_module("benchmarks.tabular_quality", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.integration
def test_quality_is_printed_where_none_of_the_rest_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, wine, *_ = done.stdout.splitlines()
    assert "LightGBM" not in head
    assert wine.startswith("wine")
    assert head.split()[4:6] == ["default", "run"]
    assert wine.count("±") == 4
    assert wine.count("*") == 1
