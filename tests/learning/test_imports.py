from __future__ import annotations

import os
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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, ("PASSIVE", "1000")),
        ({"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}, ("passive", "0")),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ("ACTIVE", "None")),
    ],
)
def test_idle_threads_spin_a_moment_and_sleep_unless_somebody_wants_it_otherwise(
    given: dict[str, str], kept: tuple[str, str]
) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in names} | given
    program = f"import os, workbench.learning; print(*(os.environ.get(name) for name in {names!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert tuple(done.stdout.split()) == kept
