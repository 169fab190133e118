from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.learning.language import BaseModel, TuneConfig


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny", Path(__file__).parent / "tiny.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType) -> BaseModel:
    folder = tmp_path_factory.mktemp("models") / "base"
    return BaseModel.find("models/base", tiny.base_of(folder))


@pytest.fixture(scope="session")
def colours(tiny: ModuleType) -> Any:
    return tiny.colours()


def quick(**changes: Any) -> TuneConfig:
    """A few steps: enough for what is not about learning."""
    return TuneConfig(
        **{
            "epochs": 4,
            "learning_rate": 5e-3,
            "sequence_length": 64,
            "packs_per_step": 2,
            "steps_per_round": 2,
            "lora_rank": 4,
            "device": "cpu",
        }
        | changes
    )


@pytest.fixture(name="quick")
def _quick() -> Any:
    return quick
