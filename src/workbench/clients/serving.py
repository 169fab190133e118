"""How a client's model is served: the section ``serving:`` of ``client.yml``, and what a container is told."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["Auth", "Batching", "Limits", "PredictionLog", "Serving"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Limits(_Model):
    """What one request may be, and how much of them may wait; what is beyond is refused before it costs anything."""

    body_bytes: int = Field(4 * 2**20, ge=1024, le=2**30, description="Size of a request's body; beyond it, 413.")
    rows: int = Field(1000, ge=1, le=1_000_000, description="Rows of one request; beyond them, 413.")
    depth: int = Field(12, ge=4, le=500, description="How deep JSON may be nested; beyond it, 422.")
    queue_rows: int = Field(8000, ge=1, description="Rows that may wait for the model; beyond them, 429.")
    held_bytes: int = Field(64 * 2**20, ge=1024, description="Bodies that are read at once, together; beyond it, 429.")
    connections: int = Field(1024, ge=1, le=65_536, description="Open connections; beyond them, 503.")
    header_seconds: Seconds = Field(10, description="Until a request's head has come; then the client is cut off.")
    request_seconds: Seconds = Field(30, description="Until a request has come and its answer has gone.")
    idle_seconds: Seconds = Field(75, description="How long a connection may stay open with nothing to do.")


class Batching(_Model):
    """The model takes whatever waits when it is free; nothing ever waits for company."""

    rows: int = Field(1024, ge=1, le=4096, description="Rows that pass through the model at once, at most.")
    inline_milliseconds: float = Field(
        5, ge=0, description="A batch that takes longer, as measured, is computed beside the loop that answers."
    )


class Auth(_Model):
    """Bearer tokens (JWT) that are taken. Only signatures by keys of the issuer count; `none` and HMAC never do."""

    issuer: str = Field(min_length=8, description="The claim `iss`, to the letter.")
    jwks_url: str = Field(description="Where the issuer's keys are; https, or http on loopback.")
    audience: tuple[str, ...] = Field((), description="The claim `aud` holds one of these; empty: it is not looked at.")
    azp: tuple[str, ...] = Field((), description="The claim `azp` is one of these; Clerk puts the page's origin there.")
    algorithms: tuple[Literal["RS256", "ES256"], ...] = Field(("RS256", "ES256"), min_length=1)
    leeway_seconds: float = Field(5, ge=0, le=120, description="How far clocks may be apart.")
    longest_seconds: float = Field(
        86_400,
        gt=0,
        description="From `iat` to `exp` at most: a token cannot be called back, say when a password is reset.",
    )
    refetch_seconds: float = Field(30, ge=0.1, le=3600, description="Keys are fetched at most once in this time.")
    keep_seconds: float = Field(600, ge=1, le=86_400, description="Age at which keys are fetched anew.")
    metrics: bool = Field(False, description="Whether /metrics and /v2/health/status need a token too.")

    @field_validator("jwks_url", "issuer")
    @classmethod
    def _safe(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise ValueError("an address with a password in it does not belong in a file")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError(f"'{value}' is not an https address")
        return value

    @model_validator(mode="after")
    def _for_somebody(self) -> Auth:
        if not self.audience and not self.azp:
            raise ValueError("give `audience` or `azp`: else the issuer's token for anything else would be taken")
        return self


class PredictionLog(_Model):
    """What `monitor` reads: what was predicted, from which features; no key, nothing personal."""

    on: bool = Field(True, description="Whether predictions are written down.")
    features: bool = Field(True, description="Whether the features go with them, but for personal ones.")
    megabytes: float = Field(64, gt=0, le=10_000, description="Size at which a file is full, and the next one begun.")
    files: int = Field(8, ge=1, le=1000, description="Full files that are kept.")
    waiting: int = Field(20_000, ge=1, description="Rows that may wait for the disk; beyond them, rows are dropped.")


class Serving(_Model):
    """How the client's model is served."""

    port: int = Field(8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=64, description="Processes that serve, each with the model.")
    unknown_categories: Literal["accept", "refuse"] = Field(
        "accept",
        description="`accept`: a category that the model has not learned is predicted as `score` does, and counted; "
        "`refuse`: 422.",
    )
    drain_seconds: Seconds = Field(30, description="How long a stop waits for what is under way.")
    limits: Limits = Field(default_factory=Limits, description="What is refused.")
    batching: Batching = Field(default_factory=Batching, description="How rows are computed together.")
    auth: Auth | None = Field(None, description="Who may ask; without it, whoever reaches the port.")
    log: PredictionLog = Field(default_factory=PredictionLog, description="The prediction log.")
