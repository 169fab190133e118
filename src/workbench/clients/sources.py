"""Where a client's tables come from: one small model a kind, chosen by ``kind``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CsvSource", "PackageCsvSource", "ParquetSource", "SklearnSource", "Source", "TpchSource"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Csv(_Model):
    delimiter: str = Field(",", min_length=1, max_length=1, description="The one character between two values.")
    encoding: Literal["utf-8", "utf-16", "latin-1"] = Field("utf-8", description="How the bytes are to be read.")
    null_values: tuple[str, ...] = Field(("",), description="What stands for a missing value, besides nothing at all.")


class CsvSource(_Csv):
    """One or more CSV files with a header line."""

    kind: Literal["csv"]
    path: str = Field(description="A file or a glob, relative to the project; `.gz` and `.zip` are unpacked.")


class PackageCsvSource(_Csv):
    """A CSV file that an installed Python package carries; the package is not imported."""

    kind: Literal["package_csv"]
    package: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="The import name of the package.")
    member: str = Field(description="The file inside the package's folder; `.gz` and `.zip` are unpacked.")


class ParquetSource(_Model):
    """One or more Parquet files with one schema."""

    kind: Literal["parquet"]
    path: str = Field(description="A file or a glob, relative to the project.")


class TpchSource(_Model):
    """One table of the TPC-H benchmark, made by its generator; the scale factor is `ingest.scale_factor`."""

    kind: Literal["tpch"]
    table: Literal["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


class SklearnSource(_Model):
    """A table that scikit-learn carries."""

    kind: Literal["sklearn"]
    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]


Source = Annotated[
    CsvSource | PackageCsvSource | ParquetSource | TpchSource | SklearnSource, Field(discriminator="kind")
]
