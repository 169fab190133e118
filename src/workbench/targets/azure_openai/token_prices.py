"""What a provider asks for, from the dated table ``conf/base/prices.yml``; it is never fetched.

A model has the rates ``<model> training``, ``<model> input`` and ``<model> output``; where the base model costs another
price than a tuned one, ``<model> base input`` and ``<model> base output`` too; and a service that hosts, ``hosting``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ConfigurationError
from workbench.targets.prices import prices_of

__all__ = ["ModelPrice", "price_of"]

TRAINING = " training"


@dataclass(frozen=True)
class ModelPrice:
    """Prices of one base model, for a million tokens and for an hour.

    Attributes:
        training: a million trained tokens: those of the file, times the epochs.
        input: a million that the tuned model is asked; ``base_input``, the base.
        output: a million that it answers; ``base_output``, the base.
        hosting: an hour of the tuned model's deployment, used or not.
        currency: ISO 4217.
        day: the date of the table.
    """

    training: float
    input: float
    output: float
    base_input: float
    base_output: float
    hosting: float
    currency: str
    day: str


def price_of(project: Path, section: str, model: str, where: str) -> ModelPrice:
    """The price of a base model, by its name or by the longest name in the table that it begins with.

    Raises:
        ConfigurationError: the table does not have it; without a price there is no budget.
    """
    prices = prices_of(project)
    found = prices.targets.get(section)
    rates = found.rates if found is not None else {}
    known = [name.removesuffix(TRAINING) for name in rates if name.endswith(TRAINING)]
    fitting = [name for name in known if model == name or model.startswith(f"{name}-")]
    if found is None or not fitting:
        raise ConfigurationError(
            f"there is no price for tuning model '{model}'",
            where=where,
            tried=f"conf/base/prices.yml, targets.{section}: {', '.join(sorted(known)) or 'nothing'}",
            hint=f"look it up{f' at {found.source}' if found else ''}; add `{model} training`, `… input`, `… output`",
        )
    name = max(fitting, key=len)
    per_unit = {key: rates[key].price for key in rates}
    for need in ("input", "output"):
        if f"{name} {need}" not in per_unit:
            raise ConfigurationError(
                f"there is no rate '{name} {need}'", where=f"conf/base/prices.yml, targets.{section}", hint="add it"
            )
    asked, answered = per_unit[f"{name} input"], per_unit[f"{name} output"]
    return ModelPrice(
        training=per_unit[f"{name}{TRAINING}"],
        input=asked,
        output=answered,
        base_input=per_unit.get(f"{name} base input", asked),
        base_output=per_unit.get(f"{name} base output", answered),
        hosting=per_unit.get("hosting", 0.0),
        currency=prices.currency,
        day=prices.day.isoformat(),
    )
