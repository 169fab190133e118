"""What each raw table of a client must look like, as ``conf/clients/<client>/schema.yml`` says it.

These models say *what*; the ``ingest`` pipeline turns them into casts, quarantine reasons and a pandera schema. What
can be known to be wrong without the data is refused here: a bound that is not of the column's type, a pattern that the
engine cannot run, a key column that may be missing.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workbench.clients.date_format import check_date_format

__all__ = ["ColumnSchema", "ColumnType", "Schema", "TableSchema"]

ColumnType = Literal["string", "int64", "float64", "decimal", "boolean", "date", "timestamp"]
Bound = int | float | datetime | date

_ORDERED = ("int64", "float64", "decimal", "date", "timestamp")
_UNSUPPORTED_PATTERN = re.compile(r"\(\?(?:[=!>]|<[=!]|P=|\()|\\[1-9]|[*+?}]\+")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ColumnSchema(_Model):
    """One column."""

    type: ColumnType = Field(
        description="The type in 01_raw; the source's values are cast to it, row by row. "
        "A `timestamp` is in UTC: an offset in the text is applied, a text without one is taken as UTC."
    )
    format: str | None = Field(
        None,
        description="How a text says the date or timestamp: `%d.%m.%Y`, `%m/%d/%Y %I:%M %p`. Without it, ISO 8601.",
    )
    scale: int | None = Field(None, ge=0, le=18, description="Digits after the point, of 18 in all; `decimal` only.")
    nullable: bool = Field(False, description="Whether a value may be missing.")
    unique: bool = Field(False, description="Whether each value may stand once only; missing values do not count.")
    min: Bound | None = Field(None, description="Smallest value: a number, or an ISO date or timestamp.")
    max: Bound | None = Field(None, description="Largest value: a number, or an ISO date or timestamp.")
    isin: tuple[int | str, ...] | None = Field(None, min_length=1, description="All values that may stand there.")
    pattern: str | None = Field(None, description="Regular expression (RE2) that a text must match as a whole.")
    unit: str = Field("", description="What the numbers count or measure: minutes, miles, °F.")
    description: str = Field("", description="What the column means.")

    @field_validator("pattern")
    @classmethod
    def _runs_in_the_engine(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"'{value}' is not a regular expression ({error})") from error
        if _UNSUPPORTED_PATTERN.search(value):
            raise ValueError(f"'{value}' looks around or refers back, which RE2 (and so DuckDB) cannot")
        return value

    @model_validator(mode="after")
    def _a_format_of_the_type(self) -> ColumnSchema:
        if self.format is not None:
            check_date_format(self.type, self.format)
        return self

    @field_validator("min", "max", mode="before")
    @classmethod
    def _iso_text(cls, value: object) -> object:
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _agree(self) -> ColumnSchema:
        if (self.scale is not None) != (self.type == "decimal"):
            raise ValueError(f"type {self.type} {'needs a' if self.type == 'decimal' else 'has no'} `scale`")
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None:
                self._check_bound(name, bound)
        if self.min is not None and self.max is not None and self.bound("min") > self.bound("max"):
            raise ValueError(f"min {self.min} is above max {self.max}")
        if self.isin is not None:
            wanted: type = {"string": str, "int64": int}.get(self.type, type(None))
            if not all(isinstance(value, wanted) for value in self.isin):
                raise ValueError(f"isin holds a value that is not {self.type}; string and int64 columns can have isin")
        if self.pattern is not None and self.type != "string":
            raise ValueError(f"only a string column can have a pattern; this one is {self.type}")
        return self

    def _check_bound(self, name: str, bound: Bound) -> None:
        if self.type not in _ORDERED:
            raise ValueError(f"a {self.type} column has no {name}")
        if isinstance(bound, float) and not math.isfinite(bound):
            raise ValueError(f"{name} {bound} bounds nothing")
        if isinstance(bound, date) != (self.type in ("date", "timestamp")):
            raise ValueError(f"{name} '{bound}' is not a {self.type}")

    def bound(self, name: Literal["min", "max"]) -> Any:
        """``min`` or ``max`` as the column's own type holds it (a timestamp: UTC, without zone), or None."""
        value = self.min if name == "min" else self.max
        if self.type == "timestamp" and isinstance(value, date):
            moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
            return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        if self.type == "decimal" and value is not None:
            return Decimal(str(value))
        return value.date() if self.type == "date" and isinstance(value, datetime) else value


class TableSchema(_Model):
    """One table."""

    description: str = Field("", description="What one row is.")
    key: tuple[str, ...] = Field((), description="Columns whose values together stand once only.")
    columns: dict[str, ColumnSchema] = Field(min_length=1, description="Column name to what it must hold.")
    strict: bool = Field(True, description="Whether a column that is not named here is an error; else it is dropped.")

    @model_validator(mode="after")
    def _agree(self) -> TableSchema:
        for column in self.key:
            if column not in self.columns:
                raise ValueError(f"key column '{column}' is not among the columns")
            if self.columns[column].nullable:
                raise ValueError(f"key column '{column}' is nullable; a key has to be there")
        if len(set(self.key)) < len(self.key):
            raise ValueError("a column stands twice in the key")
        seen: dict[str, str] = {}
        for column in self.columns:
            if not column.strip() or column.startswith("_"):
                raise ValueError(f"column name '{column}' is blank or starts with an underscore, which is ours")
            if column.lower() in seen:
                raise ValueError(f"columns '{seen[column.lower()]}' and '{column}' differ by case only")
            seen[column.lower()] = column
        return self


class Schema(_Model):
    """All tables of a client; the names are those of `sources` in client.yml."""

    tables: dict[str, TableSchema] = Field(min_length=1, description="Table name to what it must look like.")
