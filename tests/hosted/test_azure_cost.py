"""What a tuned model's deployment costs a month, by the sku."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from workbench.clients.targets import AzureOpenAITarget
from workbench.targets.azure_openai.target import AzureOpenAI
from workbench.targets.cost import Cost
from workbench.targets.prices import Prices, prices_of

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "kind": "azure_openai",
    "subscription": "00000000-0000-0000-0000-000000000000",
    "resource_group": "acme",
    "account": "acme",
}


def cost_of(sku: str, prices: Prices) -> Cost:
    secrets: Any = {}
    return AzureOpenAI("acme", "cloud", AzureOpenAITarget.model_validate({**SETTINGS, "sku": sku}), secrets).cost(
        prices
    )


@pytest.mark.parametrize(("sku", "monthly"), [("Standard", 1241.0), ("GlobalStandard", 1241.0), ("DeveloperTier", 0.0)])
def test_an_hour_costs_what_the_sku_asks_for(sku: str, monthly: float) -> None:
    cost = cost_of(sku, prices_of(ROOT))
    assert cost.monthly == pytest.approx(monthly)
    assert len(cost.lines) == 1
    assert "tokens that are asked and answered" in cost.unknown
    assert any("after 24 hours" in text for text in cost.unknown) == (sku == "DeveloperTier")


def test_a_sku_whose_price_is_not_known_is_not_taken_for_another() -> None:
    hourly = {"source": "https://prices.example", "region": "here", "rates": {"hosting": {"price": 1.7, "unit": "h"}}}
    prices = Prices.model_validate({"day": date(2026, 11, 1), "currency": "USD", "targets": {"azure_openai": hourly}})
    cost = cost_of("DeveloperTier", prices)
    assert cost.lines == ()
    assert cost.unknown[0] == "hosting of azure_openai, DeveloperTier"
    nothing = Prices.model_validate({"day": date(2026, 11, 1), "currency": "USD", "targets": {}})
    assert cost_of("Standard", nothing).unknown[0] == "hosting of azure_openai, Standard"
