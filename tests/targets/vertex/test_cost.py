"""What a version costs a month on Vertex AI, and what is not in the sum."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.clients.targets import VertexTarget as Settings
from workbench.targets.cost import Cost
from workbench.targets.prices import Prices, prices_of
from workbench.targets.vertex.target import VertexTarget

PRICES = prices_of(Path(__file__).parents[3])
H100 = {"machine": "a3-highgpu-1g", "gpu": "NVIDIA_H100_80GB"}


def cost_of(prices: Prices = PRICES, **options: Any) -> Cost:
    settings = Settings(
        kind="vertex", project="acme-1", location="us-central1", bucket="acme-models", image="a/b:1", **options
    )
    services: Any = SimpleNamespace(settings=settings, where="", client="alpha")
    return VertexTarget("cloud", services).cost(prices)


def test_replicas_that_are_always_up_are_paid_and_those_that_come_are_said() -> None:
    cost = cost_of(machine="n1-standard-2", replicas=2, max_replicas=5)
    assert cost.monthly == pytest.approx(2 * 730 * 0.1095)
    assert cost.unknown == ("up to 3 more replicas under load",)


def test_a_gpu_is_in_the_price_of_its_own_machine_alone() -> None:
    assert cost_of(**H100).monthly == pytest.approx(730 * 12.6259)
    assert cost_of(**H100).unknown == ()
    another = cost_of(**{**H100, "gpu": "NVIDIA_L4"})
    assert another.unknown == ("1 NVIDIA_L4 a replica: no price known",)
    beside = cost_of(machine="n1-standard-2", gpu="NVIDIA_TESLA_T4", gpus=2)
    assert beside.unknown == ("2 NVIDIA_TESLA_T4 a replica: no price known",)


@pytest.mark.parametrize(
    "prices", [PRICES, PRICES.model_copy(update={"targets": {}})], ids=["no machine", "no section"]
)
def test_what_has_no_price_is_said_to_have_none(prices: Prices) -> None:
    cost = cost_of(prices, machine="m9-unheard-of")
    assert cost.lines == ()
    assert cost.unknown == ("machine m9-unheard-of: no price known",)
