"""Where a client's tables come from: one small model a kind, chosen by ``kind``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CsvSource", "DatabaseSource", "PackageCsvSource", "ParquetSource", "SklearnSource", "Source", "TpchSource"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class _Columns(_Model):
    rename: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")], str] = Field(
        {}, description="New name of a column to the name that it has in the file."
    )


class _Csv(_Columns):
    delimiter: str = Field(",", min_length=1, max_length=1, description="The one character between two values.")
    encoding: Literal["utf-8", "utf-16", "latin-1", "windows-1252"] = Field(
        "utf-8", description="How the bytes are to be read."
    )
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


class ParquetSource(_Columns):
    """One or more Parquet files with one schema."""

    kind: Literal["parquet"]
    path: str = Field(description="A file or a glob, relative to the project.")


class DatabaseSource(_Columns):
    """A table, or the answer of a query, of a PostgreSQL or SQLite database."""

    kind: Literal["database"]
    url: str = Field(
        pattern=r"^(postgresql://|sqlite:///)",
        description="`postgresql://host:port/database`, or `sqlite:///` and a path relative to the project.",
    )
    table: str | None = Field(None, min_length=1, description="A table or view; `schema.table` if it is in a schema.")
    query: str | None = Field(
        None, min_length=1, description="One SELECT in the database's own SQL, in place of `table`."
    )
    user: str | None = Field(None, min_length=1, description="Who logs in.")
    password: str | None = Field(
        None, pattern=r"^[A-Z][A-Z0-9_]*$", description="The name of the client's secret that holds the password."
    )

    @model_validator(mode="after")
    def _agree(self) -> DatabaseSource:
        if re.search(r"^[a-z]+://[^/?#]*@|[?&](user|password|passfile)=", self.url):
            raise ValueError(
                "the address holds a user or a password; write `user: <name>` beside it, and `password: <NAME>` with "
                "the name of the client's secret that holds the password"
            )
        if (self.table is None) == (self.query is None):
            raise ValueError("a database source has either `table` or `query`")
        return self


class TpchSource(_Model):
    """One table of the TPC-H benchmark, made by its generator; the scale factor is `ingest.scale_factor`."""

    kind: Literal["tpch"]
    table: Literal["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


class SklearnSource(_Model):
    """A table that scikit-learn carries."""

    kind: Literal["sklearn"]
    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]


Source = Annotated[
    CsvSource | DatabaseSource | PackageCsvSource | ParquetSource | TpchSource | SklearnSource,
    Field(discriminator="kind"),
]
