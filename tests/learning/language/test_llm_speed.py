from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def llm_speed() -> ModuleType:
    spec = importlib.util.spec_from_file_location("llm_speed", ROOT / "benchmarks" / "llm_speed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_formula_counts_what_torch_counts(llm_speed: ModuleType) -> None:
    shape, length = llm_speed.SHAPES["tiny"], 64
    model = llm_speed.build("tiny", "float32", "cpu")
    model.set_attn_implementation("eager")  # of SDPA on a CPU, the counter knows nothing
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(input_ids=torch.zeros((1, length), dtype=torch.long), use_cache=False)
    full, lora = (llm_speed.flops_per_token(shape, length, method) for method in ("full", "lora"))
    weights = (full - lora) / 2
    attention = (full - 6 * weights) / 3
    # torch counts the whole square of the attention, of which a causal one needs half.
    assert counter.get_total_flops() == length * (2 * weights + 2 * attention)


@pytest.mark.parametrize(("name", "billions"), [("8b", 8.03), ("1b", 1.236)])
def test_the_shapes_are_the_published_ones(llm_speed: ModuleType, name: str, billions: float) -> None:
    assert llm_speed.build(name, "float32", "meta").num_parameters() / 1e9 == pytest.approx(billions, rel=1e-3)


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.llm_speed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_runs_on_a_cpu_with_a_toy_shape() -> None:
    lines = [line.split() for line in run("--tiny", "--steps", "2", "--methods", "lora").splitlines()]
    assert "no" in lines[0]
    cases = [(line[1], line[2]) for line in lines[2:]]
    assert cases == [("lora", "ours"), ("lora", "trainer")]
    assert all(float(line[3].replace(",", "")) > 0 for line in lines[2:])


def test_without_a_gpu_there_are_no_figures() -> None:
    assert run().startswith("no CUDA device: no figures.")
