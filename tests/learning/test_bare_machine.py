"""A machine with a GPU has torch, numpy, pandas, pyarrow, transformers and safetensors, what these need, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
THERE = ("torch", "numpy", "pandas", "pyarrow", "transformers", "safetensors")
BENCHMARKS = ("training_speed", "many_tables", "streaming", "llm_speed")


def installed_there() -> dict[str, Distribution]:
    """Those packages, and what they cannot be without."""
    found: dict[str, Distribution] = {}
    waiting = list(THERE)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = distribution(name)
            needs = (Requirement(text) for text in found[name].requires or ())
            waiting += [one.name for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python with these packages alone, and gives back what it printed."""
    site = tmp_path_factory.mktemp("site")
    for one in installed_there().values():
        for top in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
            (site / top).symlink_to(Path(str(one.locate_file(top))))
    path = os.pathsep.join([str(site), str(ROOT / "src")])
    environment = os.environ | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments: str) -> str:
        # -S: no other folder of packages, this environment's neither.
        command = [sys.executable, "-S", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_benchmark_of_a_gpu_can_be_imported(bare: Callable[..., str]) -> None:
    """And the machine is as bare as it is meant to be, or this would show nothing."""
    absent = ("scipy", "sklearn", "peft", "accelerate", "kedro", "mlflow", "ibis", "duckdb")
    names = [f"benchmarks.{name}" for name in BENCHMARKS]
    program = f"""
from importlib import import_module
from importlib.util import find_spec
print([name for name in {absent!r} if find_spec(name)])
print([import_module(name).__name__ for name in {names!r}])
"""
    assert bare("-c", program).splitlines() == ["[]", str(names)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "ways"),
    [
        (
            "training_speed",
            ("--rows", "2000", "--rounds", "1"),
            ["tabm of", "", "bare step on a", "our trainer,", "plain DataLoader", "bar"],
        ),
        (
            "many_tables",
            ("--tables", "2", "--rows", "200", "--epochs", "1"),
            ["2 tables of", "", "alone", "together", "a table's metric"],
        ),
        (
            "streaming",
            ("--rows", "2000", "--columns", "3", "--parts", "4", "--group", "200", "--epochs", "2"),
            ["2,000 rows of", "", "resident", "streamed", "in file order"],
        ),
        (
            "llm_speed",
            ("--tiny", "--steps", "1"),
            [
                "toy shape on",
                "lora: left out, since peft is not installed",
                "trainer: left out, since accelerate is not installed",
                "model",
                "tiny  full    ours",
            ],
        ),
    ],
)
def test_every_benchmark_of_a_gpu_runs(
    bare: Callable[..., str], name: str, arguments: tuple[str, ...], ways: list[str]
) -> None:
    lines = bare("-m", f"benchmarks.{name}", *arguments).splitlines()
    assert len(lines) == len(ways), lines
    assert [line[: len(way)] for line, way in zip(lines, ways, strict=True)] == ways
