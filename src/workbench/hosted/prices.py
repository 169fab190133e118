"""What a provider asks for, from the dated table ``conf/base/prices.yml``; it is never fetched."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.clients.yaml_files import read_yaml
from workbench.errors import ConfigurationError

__all__ = ["ModelPrice", "PriceList", "price_list"]

FILE = "conf/base/prices.yml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPrice(_Model):
    """US dollars for a million tokens, and for an hour."""

    training: float = Field(ge=0, description="A million trained tokens: those of the file, times the epochs.")
    input: float = Field(ge=0, description="A million tokens that the tuned model is asked.")
    output: float = Field(ge=0, description="A million that it answers.")
    base_input: float = Field(0.0, ge=0, description="A million that the base model is asked.")
    base_output: float = Field(0.0, ge=0, description="A million that it answers.")
    hosting: float = Field(0.0, ge=0, description="An hour of the tuned model's deployment, used or not.")


class PriceList(_Model):
    """One provider's section.

    Attributes:
        as_of: the day on which the provider's page said so.
        source: that page.
        models: by the provider's name of the base model.
    """

    as_of: date
    source: str
    models: dict[str, ModelPrice]

    def of(self, model: str, where: str) -> ModelPrice:
        """A base model's price, by its name or by the longest name in the table that it begins with.

        Raises:
            ConfigurationError: the table does not have it; without a price there is no budget.
        """
        names = [name for name in self.models if model == name or model.startswith(f"{name}-")]
        if not names:
            raise ConfigurationError(
                f"there is no price for model '{model}'",
                where=where,
                tried=f"{FILE}: {', '.join(sorted(self.models))}",
                hint=f"look it up at {self.source} and add it, with the day",
            )
        return self.models[max(names, key=len)]


def price_list(project: Path, section: str) -> PriceList:
    """A section of the price table.

    Raises:
        ConfigurationError: there is no such section, or it is wrong.
    """
    path = project / FILE
    if not path.is_file():
        raise ConfigurationError("there is no price table", where=str(path), hint="bring it back from git")
    data = read_yaml(path).data
    if section not in data:
        raise ConfigurationError(
            f"has no section '{section}'", where=str(path), tried=", ".join(sorted(data)), hint="add it"
        )
    try:
        return PriceList.model_validate(data[section])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{section}.{key}: {first['msg']}", where=str(path), hint="correct it") from None
