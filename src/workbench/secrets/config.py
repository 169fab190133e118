"""Where a client's secrets are kept, says ``secrets.yml``: in ``conf/base`` for all, in a client's folder for one.

The file holds no secret. What opens the place is found by the process itself: a client's own environment variables,
the keyring, or what the machine is trusted for. ``{client}`` stands where a name must differ from client to client, so
that one line serves all of them and none can name another's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from workbench.clients.delivery import is_loopback
from workbench.clients.registry import ClientRegistry, parse
from workbench.clients.yaml_files import read_yaml

__all__ = ["Auth", "Database", "EnvironmentSecrets", "FileSecrets", "SecretsFile", "VaultSecrets", "load"]

FILE = "secrets.yml"

Mount = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*$", max_length=100)]
Role = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]|\{client\})+$", max_length=100)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class EnvironmentSecrets(_Model):
    """The variables ``<CLIENT>__NAME``."""

    kind: Literal["environment"] = "environment"


class FileSecrets(_Model):
    """An encrypted file a client, on this machine; for development."""

    kind: Literal["file"]
    folder: str = Field(
        ".workbench/secrets", description="Where the encrypted files lie; from the project, or absolute."
    )
    key: Literal["auto", "keyring", "file"] = Field(
        "auto", description="Where the keys lie: the system's keyring, files, or the first of the two that there is."
    )
    keys: str = Field("~/.config/workbench/keys", description="The folder of key files; outside of the project.")


class Auth(_Model):
    """How a process shows Vault who it is.

    ``token`` takes ``<CLIENT>__VAULT_TOKEN``; ``approle`` takes ``<CLIENT>__VAULT_ROLE_ID`` and
    ``<CLIENT>__VAULT_SECRET_ID``; ``kubernetes`` and ``gcp`` take what the pod or machine is trusted for.
    """

    method: Literal["token", "approle", "kubernetes", "gcp"] = Field(description="One of Vault's ways to log in.")
    mount: Mount | None = Field(None, description="Where the method is mounted; the method's own name if left out.")
    role: Role = Field("workbench-{client}", description="For kubernetes and gcp: the role; it must hold {client}.")
    jwt: str = Field(
        "/var/run/secrets/kubernetes.io/serviceaccount/token", description="For kubernetes: the service account's file."
    )

    @field_validator("role")
    @classmethod
    def _role(cls, value: str) -> str:
        return _of_each_client(value)


class Database(_Model):
    """A database for which Vault makes users, ``<mount>/creds/<role>``."""

    mount: Mount = Field("database", description="Where the database secrets engine is mounted.")
    role: Role = Field(description="The role of the engine; it must hold {client}.")

    @field_validator("role")
    @classmethod
    def _role(cls, value: str) -> str:
        return _of_each_client(value)


class VaultSecrets(_Model):
    """HashiCorp Vault, or OpenBao."""

    kind: Literal["vault"]
    address: str = Field(description="https://…; http:// for this machine only.")
    namespace: str | None = Field(None, pattern=r"^[A-Za-z0-9/_-]{1,200}$", description="Of Vault Enterprise.")
    ca_file: str | None = Field(None, description="Certificates that Vault's is checked against; else the system's.")
    mount: Mount = Field("secret", description="Where the KV engine, version 2, is mounted.")
    path: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]|\{client\})+(/([A-Za-z0-9_-]|\{client\})+)*$")] = Field(
        "clients/{client}", description="Below the mount; a secret is `<path>/<NAME>`, its field `value`."
    )
    auth: Auth = Field(description="How to log in.")
    databases: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,60}$")], Database] = Field(
        {}, description="By name: WAREHOUSE gives the secrets WAREHOUSE_USERNAME and WAREHOUSE_PASSWORD."
    )
    timeout_seconds: float = Field(10, gt=0, le=300, description="For one answer.")
    attempts: int = Field(5, ge=1, le=20, description="How often a call is made that may pass later.")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("it must begin with https://")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("http:// is for this machine only; write https://")
        if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
            raise ValueError("it must hold a host and a port, nothing more")
        return value.rstrip("/")

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        # As a whole part: of `clients/x{client}`, a client could be called so that it is another's.
        if "{client}" not in value.split("/"):
            raise ValueError("one of its parts must be {client}, so that no two clients share a path")
        return value


class SecretsFile(RootModel[Annotated[EnvironmentSecrets | FileSecrets | VaultSecrets, Field(discriminator="kind")]]):
    """The whole of ``secrets.yml``."""


def load(registry: ClientRegistry, client: str) -> EnvironmentSecrets | FileSecrets | VaultSecrets:
    """What is in force for a client; without a file, the environment.

    A client's file of the same kind as base's says only what differs; one of another kind stands alone.

    Raises:
        UnknownClient: the client is not registered.
        ConfigurationError: a file is wrong.
    """
    paths = [registry.project / "conf" / "base" / FILE, registry.folder(client) / FILE]
    files = [read_yaml(path) for path in paths if path.is_file()]
    if not files:
        return EnvironmentSecrets()
    file = files[-1]
    if len(files) == 2:
        base = files[0].data
        if file.data.get("kind", base.get("kind")) == base.get("kind"):
            file.data = _merged(base, file.data)
    return parse(SecretsFile, file, where=f"client {client}").root


def of_client(text: str, client: str) -> str:
    """A text of the configuration with the client in it."""
    return text.replace("{client}", client)


def from_project(project: Path, path: str) -> Path:
    """A path of the configuration."""
    return project / Path(path).expanduser()


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _of_each_client(value: str) -> str:
    if "{client}" not in value:
        raise ValueError("it must hold {client}, so that no two clients share a role")
    return value
