"""Where a client's models are served: one small model a kind of target, chosen by ``kind``.

No field holds a secret: who logs in where is in the client's secrets, under the names that docs/targets.md lists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AzureOpenAITarget", "DatabricksTarget", "LocalTarget", "Target", "TargetName", "VertexTarget"]

TargetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Address = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$")]


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    tolerance: float = Field(
        1e-4, ge=0, description="How far an answer may be from the registered model's, before no traffic goes there."
    )
    poll_seconds: float = Field(5.0, gt=0, le=300, description="Between two looks at an operation that takes long.")
    deadline_seconds: float = Field(
        3600, gt=0, description="For one operation; it goes on, and the same command finds it again."
    )


class LocalTarget(_Target):
    """The serving container's contract on this machine's loopback."""

    kind: Literal["local"]
    port: int = Field(8800, ge=1024, le=65535, description="On 127.0.0.1.")
    poll_seconds: float = Field(0.1, gt=0, le=300, description="Between two looks at the server.")
    deadline_seconds: float = Field(120, gt=0, description="For the server to come up, or to take a version.")


class VertexTarget(_Target):
    """Vertex AI: a model in the Model Registry, served by an endpoint."""

    kind: Literal["vertex"]
    project: str = Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", description="The Google Cloud project's id.")
    location: str = Field(pattern=r"^[a-z]+-[a-z]+[0-9]$", description="A region, such as `europe-west4`.")
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", description="The bucket that models are uploaded to."
    )
    image: str = Field(
        pattern=r"^[a-z0-9.-]+(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$",
        description="The serving image in Artifact Registry; see deploy/docker/serving.",
    )
    machine: str = Field("n1-standard-2", pattern=r"^[a-z0-9-]{3,40}$", description="Machine type of a replica.")
    replicas: int = Field(1, ge=1, le=100, description="Always up.")
    max_replicas: int = Field(1, ge=1, le=100, description="Up under load.")
    service_account: str | None = Field(
        None, pattern=r"^[a-z0-9-]+@[a-z0-9.-]+$", description="As whom the container runs."
    )
    address: Address | None = Field(None, description="Another address of the services: a private endpoint, a double.")


class DatabricksTarget(_Target):
    """Databricks: a model in Unity Catalog, served by a Model Serving endpoint."""

    kind: Literal["databricks"]
    host: Address = Field(description="The workspace: https://….cloud.databricks.com.")
    catalog: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="The catalog of Unity Catalog.")
    schema_: str = Field(alias="schema", pattern=r"^[a-z][a-z0-9_]{0,62}$", description="The schema of the catalog.")
    workload_size: Literal["Small", "Medium", "Large"] = Field("Small", description="Concurrency of the endpoint.")
    scale_to_zero: bool = Field(True, description="Whether it costs nothing, and answers late, after a quiet time.")


class AzureOpenAITarget(_Target):
    """Azure OpenAI: a deployment of a tuned language model."""

    kind: Literal["azure_openai"]
    subscription: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="Its id.")
    resource_group: str = Field(pattern=r"^[A-Za-z0-9._()-]{1,90}$", description="Of the account.")
    account: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,63}$", description="The Azure OpenAI account.")
    sku: Literal["Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier"] = Field(
        "Standard", description="Of the deployment: price, region and latency."
    )
    capacity: int = Field(1, ge=1, le=1000, description="Thousands of tokens a minute.")
    address: Address | None = Field(None, description="Of the account's data plane, if it is not the public one.")
    management: Address | None = Field(None, description="Of Azure Resource Manager, if it is not the public one.")
    authority: Address | None = Field(None, description="Of Microsoft Entra ID, if it is not the public one.")
    api_version: str = Field(
        "v1", pattern=r"^(v1|20\d\d-\d\d-\d\d(-preview)?)$", description="Of the data plane: v1, or a dated one."
    )
    login: Literal["key", "entra"] = Field(
        "entra", description="How the data plane lets in: by the key, or by Entra ID, as Azure Resource Manager does."
    )
    key: str = Field(
        "AZURE_OPENAI_API_KEY", pattern=r"^[A-Z][A-Z0-9_]{0,99}$", description="Name of the secret that is the key."
    )


Target = Annotated[LocalTarget | VertexTarget | DatabricksTarget | AzureOpenAITarget, Field(discriminator="kind")]
