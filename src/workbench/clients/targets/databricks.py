"""Databricks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.clients.targets.base import Address, TargetModel

__all__ = ["DatabricksCluster", "DatabricksJob", "DatabricksPermissions", "DatabricksTarget"]


Principal = Annotated[str, Field(pattern=r"^(group|service_principal|user):[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,199}$")]
WheelPath = Annotated[str, Field(pattern=r"^/(Volumes|Workspace)(/[A-Za-z0-9._-]+){2,12}\.whl$")]
UnityName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class DatabricksPermissions(BaseModel):
    """Who may do what, by principal: `group:analysts`, `service_principal:<id>`, `user:<address>`.

    What is not given at all is left as it is; an empty mapping takes away what others than the managers have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    endpoint: dict[Principal, Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]] | None = Field(
        None, description="On the serving endpoint."
    )
    model: dict[Principal, Literal["EXECUTE", "APPLY_TAG", "MANAGE"]] | None = Field(
        None, description="On the registered model in Unity Catalog."
    )
    job: dict[Principal, Literal["CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE"]] | None = Field(
        None, description="On the jobs."
    )


class DatabricksCluster(BaseModel):
    """A cluster that is made for each run of a job."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    spark_version: str = Field(pattern=r"^[A-Za-z0-9.x-]{3,60}$", description="Such as `16.4.x-scala2.12`.")
    node_type: str = Field(pattern=r"^[A-Za-z0-9._-]{2,60}$", description="Such as `m5d.large`.")
    workers: int = Field(0, ge=0, le=100, description="Beside the driver; 0 is a single node.")


class DatabricksJob(BaseModel):
    """The pipeline as a Job: a wheel of this project, run where the data lies."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    wheel: WheelPath = Field(description="Where the wheel of this project was put.")
    project: str = Field(
        pattern=r"^/(Volumes|Workspace)(/[A-Za-z0-9._-]+){2,12}$",
        description="This project's folder there, such as a Git folder.",
    )
    pipelines: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")], ...] = Field(
        ("ingest", "prepare", "train", "evaluate", "register", "score"), min_length=1, description="In this order."
    )
    environment_version: str = Field("3", pattern=r"^[0-9]{1,3}$", description="Of the serverless environment.")
    cluster: DatabricksCluster | None = Field(None, description="Instead of serverless compute.")
    retries: int = Field(1, ge=0, le=10, description="Of a run that has failed.")
    timeout_minutes: int = Field(120, ge=1, le=10080, description="For one run.")


class DatabricksTarget(TargetModel):
    """Databricks: a model in Unity Catalog, served by a Model Serving endpoint."""

    # What is dumped can be read again, in a notebook's kernel too.
    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["databricks"]
    host: Address = Field(description="The workspace: https://….cloud.databricks.com.")
    storage_address: Address | None = Field(
        None,
        description="Another address of the cloud's storage, such as a private endpoint; "
        "by default that of the cloud. Files go there only where the workspace takes none itself.",
    )
    catalog: UnityName = Field(description="The catalog of Unity Catalog.")
    schema_: UnityName = Field(alias="schema", description="The schema of the catalog.")
    workload_size: Literal["Small", "Medium", "Large"] = Field("Small", description="Concurrency of the endpoint.")
    scale_to_zero: bool = Field(True, description="Whether it costs nothing, and answers late, after a quiet time.")
    wheel: WheelPath | None = Field(
        None, description="This project's wheel, for the container of the model: without it, no endpoint comes up."
    )
    permissions: DatabricksPermissions = Field(
        default_factory=DatabricksPermissions, description="Who may use what is made."
    )
    job: DatabricksJob | None = Field(None, description="The pipeline as a Job; `kedro databricks job` makes it.")
