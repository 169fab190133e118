"""The dated price table, ``conf/base/prices.yml``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from workbench.clients.registry import parse
from workbench.clients.yaml_files import read_yaml

__all__ = ["Machine", "Prices", "Rate", "prices_of"]

HOURS = 730.0
"""A month's hours, as the clouds' own calculators have it: 365 · 24 / 12."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Table):
    """A machine, or a size of an endpoint."""

    hour: float = Field(ge=0, description="Price of an hour.")
    cpus: float = Field(gt=0, description="Virtual cores.")
    memory_gib: float = Field(gt=0, description="Memory, GiB.")
    gpu: str | None = Field(None, description="What accelerates it.")


class Rate(_Table):
    """The price of something that is counted."""

    price: float = Field(ge=0, description="Of one unit.")
    unit: str = Field(description="What is counted.")


class Section(_Table):
    """One target's prices."""

    source: str = Field(pattern=r"^https://", description="The page that they were read from.")
    region: str = Field(description="Where they hold.")
    machines: dict[str, Machine] = Field({}, description="By the cloud's own name.")
    rates: dict[str, Rate] = Field({}, description="By name.")


class Prices(_Table):
    """All prices that plans are made with."""

    day: date = Field(description="When they were read.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.")
    targets: dict[str, Section] = Field(description="By kind of target.")


def prices_of(project: Path) -> Prices:
    """The price table of a project.

    Raises:
        ConfigurationError: it is missing or wrong.
    """
    return parse(Prices, read_yaml(project / "conf/base/prices.yml"), where="prices")
