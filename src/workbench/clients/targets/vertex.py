"""Vertex AI."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.clients.targets.base import Address, TargetModel

__all__ = ["VertexTarget", "VertexTraining"]


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


class VertexTarget(TargetModel):
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
