"""Where a client's models are served: one small model a kind of target, chosen by ``kind``.

No field holds a secret: who logs in where is in the client's secrets, under the names that docs/targets.md lists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AnswerCheck",
    "AzureOpenAITarget",
    "DatabricksTarget",
    "LocalTarget",
    "Target",
    "TargetName",
    "VertexTarget",
    "VertexTraining",
]

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


class VertexTraining(BaseModel):
    """A machine of Vertex AI that trains, and the image that it runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    image: str | None = Field(
        None,
        pattern=r"^[a-z0-9.-]+(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$",
        description="The image with this project in it; see deploy/docker.",
    )
    machine: str = Field("n1-standard-8", pattern=r"^[a-z0-9-]{3,40}$", description="Machine type.")
    gpu: str | None = Field(
        "NVIDIA_TESLA_T4", pattern=r"^NVIDIA_[A-Z0-9_]{2,40}$", description="What accelerates it; null: nothing."
    )
    gpus: int = Field(1, ge=1, le=16, description="How many of them.")
    mlflow: Address | None = Field(None, description="The MLflow server that jobs write to; without, each has its own.")
    disk_gib: int = Field(100, ge=100, le=65536, description="Its boot disk.")
    deadline_seconds: float = Field(86400, gt=0, le=604800, description="Then Vertex AI ends the job.")


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
    gpu: str | None = Field(
        None, pattern=r"^NVIDIA_[A-Z0-9_]{2,40}$", description="What accelerates a replica, such as `NVIDIA_TESLA_T4`."
    )
    gpus: int = Field(1, ge=1, le=16, description="How many of them a replica has; counts with `gpu` alone.")
    request_seconds: float = Field(60, gt=0, le=600, description="For one request; then it counts as lost.")
    credentials: str = Field(
        "GOOGLE_CREDENTIALS",
        pattern=r"^[A-Z][A-Z0-9_]{2,99}$",
        description="The name of the client's secret that holds the service account's key, as JSON.",
    )
    train: VertexTraining = Field(default_factory=VertexTraining, description="Where models are trained.")
    address: Address | None = Field(None, description="Another address of the services: a private endpoint, a double.")
    storage_address: Address | None = Field(None, description="Another address of Cloud Storage; by default `address`.")


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


class DatabricksTarget(_Target):
    """Databricks: a model in Unity Catalog, served by a Model Serving endpoint."""

    # What is dumped can be read again, in a notebook's kernel too.
    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["databricks"]
    host: Address = Field(description="The workspace: https://….cloud.databricks.com.")
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


class AnswerCheck(BaseModel):
    """Held-out examples that a tuned model answers before it gets traffic, beside what serves now."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    examples: int = Field(10, ge=0, le=1000, description="How many; 0: only the name of the model that answers counts.")
    metric: Literal["rouge_l", "exact_match"] = Field("rouge_l", description="How an answer is scored.")
    answer_tokens: int = Field(256, ge=1, le=16384, description="Longest answer.")
    budget: float = Field(1.0, gt=0, description="What one comparison may cost, in the prices' currency.")


class AzureOpenAITarget(_Target):
    """Azure OpenAI: a deployment of a tuned language model."""

    kind: Literal["azure_openai"]
    tolerance: float = Field(
        0.05, ge=0, le=1, description="By how much a version's mean score may be below that of what serves now."
    )
    check: AnswerCheck = Field(default_factory=AnswerCheck, description="What it answers before it gets traffic.")
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
