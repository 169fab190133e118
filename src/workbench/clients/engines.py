"""What runs a client's expressions, and where its tables lie: one small model a kind, chosen by ``kind``.

``engine: duckdb`` is short for ``engine: {kind: duckdb}``. A secret is named, never written: its value comes from where
the client's secrets are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic.annotated_handlers import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = [
    "ENGINES",
    "BigqueryEngine",
    "DatabricksEngine",
    "DuckdbEngine",
    "Engine",
    "EngineKind",
    "PostgresEngine",
    "RemoteEngine",
    "SparkEngine",
]

EngineKind = Literal["duckdb", "spark", "databricks", "bigquery", "postgres"]
ENGINES: tuple[EngineKind, ...] = get_args(EngineKind)

_Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
_Secret = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class DuckdbEngine(_Model):
    """Embedded: tables are Parquet files of the project."""

    kind: Literal["duckdb"] = "duckdb"

    @property
    def location(self) -> str:
        """Whose storage it is, without the namespace in it and without who reads it."""
        return "duckdb"


class _Remote(_Model):
    namespace: _Name | None = Field(
        None,
        description="Where the client's tables lie: a schema (PostgreSQL, Unity Catalog), a database (Spark), a "
        "dataset (BigQuery). The client's id if it is not given; no two clients share one.",
    )


class SparkEngine(_Remote):
    """Apache Spark, through Spark Connect."""

    kind: Literal["spark"]
    address: str = Field(
        pattern=r"^sc://[A-Za-z0-9.\-\[\]:]+/?$", description="`sc://host:port` of the Spark Connect server."
    )
    tls: bool = Field(False, description="Whether the connection is encrypted; a token needs it.")
    token: _Secret | None = Field(None, description="The name of the client's secret that holds a bearer token.")
    catalog: _Name | None = Field(None, description="The catalog; the server's own if it is not given.")

    @property
    def location(self) -> str:
        """Whose storage it is, without the namespace in it and without who reads it."""
        return "/".join(part for part in (self.address.rstrip("/"), self.catalog) if part)


class DatabricksEngine(_Remote):
    """Databricks, through databricks-connect; tables lie in Unity Catalog."""

    kind: Literal["databricks"]
    host: str = Field(pattern=r"^https://[A-Za-z0-9.\-]+/?$", description="The workspace: `https://….databricks.com`.")
    cluster: str | None = Field(
        None, pattern=r"^[A-Za-z0-9\-]+$", description="The id of a cluster; serverless compute if it is not given."
    )
    catalog: _Name = Field(description="The catalog of Unity Catalog.")
    token: _Secret = Field("DATABRICKS_TOKEN", description="The name of the client's secret that holds the token.")

    @property
    def location(self) -> str:
        """Whose storage it is, without the namespace in it and without who reads it."""
        return f"{self.host.rstrip('/')}/{self.catalog}"


class BigqueryEngine(_Remote):
    """Google BigQuery."""

    kind: Literal["bigquery"]
    project: str = Field(pattern=r"^[a-z][a-z0-9\-]{4,28}[a-z0-9]$", description="The Google Cloud project.")
    region: str = Field("US", pattern=r"^[A-Za-z0-9\-]+$", description="Where the dataset lies: `US`, `europe-west6`.")
    credentials: _Secret | None = Field(
        None, description="The name of the client's secret that holds a service account's JSON key."
    )

    @property
    def location(self) -> str:
        """Whose storage it is, without the namespace in it and without who reads it."""
        return f"bigquery://{self.project}"


class PostgresEngine(_Remote):
    """PostgreSQL."""

    kind: Literal["postgres"]
    host: str = Field(pattern=r"^[A-Za-z0-9._/\-]+$", description="A host's name, or the folder of its socket.")
    port: int = Field(5432, ge=1, le=65535, description="The port.")
    database: _Name = Field(description="The database.")
    user: str = Field(min_length=1, description="Who logs in.")
    password: _Secret | None = Field(None, description="The name of the client's secret that holds the password.")
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", description="How much is asked of the connection, as libpq has it."
    )

    @property
    def location(self) -> str:
        """Whose storage it is, without the namespace in it and without who reads it."""
        return f"postgresql://{self.host}:{self.port}/{self.database}"


RemoteEngine = SparkEngine | DatabricksEngine | BigqueryEngine | PostgresEngine


class _Short:
    """Lets editors know of the short form."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": ["duckdb"], "type": "string"}, handler(schema)]}


def _long(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


Engine = Annotated[
    Annotated[DuckdbEngine | RemoteEngine, Field(discriminator="kind")], BeforeValidator(_long), _Short()
]
