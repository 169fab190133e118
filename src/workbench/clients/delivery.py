"""Where a client's reports go: one small model a kind, chosen by ``kind``.

No field holds a secret. Who needs one names the environment variable that has it, and that variable is the client's
own: ``SKYWAYS__SMTP_PASSWORD`` is seen by no other client's process.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "ChatDelivery",
    "Delivery",
    "EmailDelivery",
    "FolderDelivery",
    "ObjectStoreDelivery",
    "WebhookDelivery",
    "is_loopback",
]

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{2,99}$")]
Address = Annotated[str, Field(pattern=r"^[^@\s<>,;\"\\]{1,64}@[A-Za-z0-9.-]{1,255}$")]
BUCKET = r"^(s3|gs|abfs)://[a-z0-9][a-z0-9._@-]{1,200}(/[A-Za-z0-9._=-]+)*/?$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class FolderDelivery(_Model):
    """Files in a folder, one subfolder a slot."""

    kind: Literal["folder"]
    path: str = Field(
        description="Below `deliveries/<client>/` of the project; or an absolute path below one of the folders that "
        "the operator names in the variable WORKBENCH_DELIVERY_ROOTS."
    )


class ObjectStoreDelivery(_Model):
    """Objects in S3, Google Cloud Storage or Azure, one prefix a slot, by fsspec."""

    kind: Literal["object_store"]
    url: str = Field(pattern=BUCKET, description="s3://bucket/prefix, gs://bucket/prefix, abfs://container/prefix.")
    endpoint: str | None = Field(None, description="URL of an S3-compatible server that is not Amazon's.")
    key_variable: Variable | None = Field(None, description="Has the access key's id; without it, the SDK's own way.")
    secret_variable: Variable | None = Field(None, description="Has the access key's secret.")

    @field_validator("url")
    @classmethod
    def _stays_below(cls, value: str) -> str:
        if {".", ".."} & set(value.split("/")):
            raise ValueError(f"'{value}' has a '.' or '..' among its parts")
        return value

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return value if value is None else _web_address(value)

    @model_validator(mode="after")
    def _both_or_none(self) -> ObjectStoreDelivery:
        if (self.key_variable is None) != (self.secret_variable is None):
            raise ValueError("key_variable and secret_variable go together")
        if not self.url.startswith("s3://") and (self.endpoint or self.key_variable):
            raise ValueError("endpoint, key_variable and secret_variable are for s3:// only")
        return self


class EmailDelivery(_Model):
    """A message to each recipient: a summary inside it, the reports attached."""

    kind: Literal["email"]
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,255}$", description="The SMTP server.")
    port: int = Field(587, ge=1, le=65535, description="587 for STARTTLS, 465 for TLS from the start.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="`none` is for this machine only.")
    username: str | None = Field(None, description="Who logs in; nobody if it is left out.")
    password_variable: Variable | None = Field(None, description="The environment variable that has the password.")
    sender: Address = Field(description="The From address.")
    to: tuple[Address, ...] = Field(min_length=1, description="Each gets a message of their own.")
    attach: bool = Field(True, description="Whether the reports are attached.")

    @model_validator(mode="after")
    def _agree(self) -> EmailDelivery:
        if (self.username is None) != (self.password_variable is None):
            raise ValueError("username and password_variable go together")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"security is 'none' but '{self.host}' is not this machine")
        return self


class WebhookDelivery(_Model):
    """A JSON document by POST: what was made, with digests, and a signature if there is a key for one."""

    kind: Literal["webhook"]
    url: str | None = Field(None, description="https://…; an address that is a secret itself goes into url_variable.")
    url_variable: Variable | None = Field(None, description="The environment variable that has the address.")
    key_variable: Variable | None = Field(None, description="Has the key of the HMAC-SHA256 signature.")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else _web_address(value)

    @model_validator(mode="after")
    def _one_address(self) -> WebhookDelivery:
        if (self.url is None) == (self.url_variable is None):
            raise ValueError("give one of url and url_variable")
        return self


class ChatDelivery(_Model):
    """A message in Slack, Teams, or another of the services that apprise knows."""

    kind: Literal["chat"]
    url_variable: Variable = Field(
        description="The environment variable that has the service's address as apprise writes it: slack://…, "
        "workflows://… for Teams."
    )
    attach: bool = Field(False, description="Whether the reports go with it, where the service takes files.")


Delivery = Annotated[
    FolderDelivery | ObjectStoreDelivery | EmailDelivery | WebhookDelivery | ChatDelivery, Field(discriminator="kind")
]


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it must begin with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http:// is for this machine only; write https://")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("it must not hold a user, a query or a fragment; put the whole address into a variable")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
