"""What each raw table of a client must look like, as ``conf/clients/<client>/schema.yml`` says it.

These models say *what*; ``workbench.engines`` never sees them, and the ``ingest`` pipeline turns them into pandera
schemas.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ColumnSchema", "Schema", "TableSchema"]

ColumnType = Literal["string", "int64", "float64", "boolean", "date", "timestamp"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnSchema(_Model):
    """One column."""

    type: ColumnType = Field(description="The type in 01_raw; the source's text is cast to it, row by row.")
    nullable: bool = Field(False, description="Whether a value may be missing.")
    unique: bool = Field(False, description="Whether each value may stand once only.")
    min: float | str | None = Field(None, description="Smallest value (number, or ISO date).")
    max: float | str | None = Field(None, description="Largest value (number, or ISO date).")
    isin: tuple[str | int, ...] | None = Field(None, description="All values that may stand there.")
    pattern: str | None = Field(None, description="Regular expression that a text must match as a whole.")
    description: str = Field("", description="What the column means, with its unit.")


class TableSchema(_Model):
    """One table."""

    description: str = Field("", description="What one row is.")
    key: tuple[str, ...] = Field((), description="Columns whose values together stand once only.")
    columns: dict[str, ColumnSchema] = Field(min_length=1, description="Column name to what it must hold.")
    strict: bool = Field(True, description="Whether a column that is not named here is an error; else it is dropped.")


class Schema(_Model):
    """All tables of a client; the names are those of `sources` in client.yml."""

    tables: dict[str, TableSchema] = Field(min_length=1, description="Table name to what it must look like.")
