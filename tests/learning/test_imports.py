from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pyarrow", "pandas", "sklearn", "ibis", "mlflow", "safetensors")


@pytest.mark.parametrize(
    "module",
    [
        "workbench.learning",
        "workbench.datasets.models",
        "pipelines.train.pipeline",
        "pipelines.evaluate.pipeline",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
