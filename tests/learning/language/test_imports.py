from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft", "tokenizers", "safetensors", "huggingface_hub", "numpy", "pyarrow", "mlflow")


@pytest.mark.parametrize(
    "module",
    ["workbench.learning.language", "workbench.datasets", "pipelines.tune.pipeline", "pipelines.tune.parameters"],
)
def test_nothing_heavy_is_imported_before_it_is_used(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tuner_needs_neither_kedro_nor_mlflow() -> None:
    program = """
import sys
for name in ("kedro", "mlflow", "ibis", "duckdb", "pydantic", "click", "pandas", "pyarrow", "sklearn"):
    sys.modules[name] = None
import workbench.learning.language as language
from workbench.learning.language import adapters, answers, attention, forward, loss, packing, plan
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
