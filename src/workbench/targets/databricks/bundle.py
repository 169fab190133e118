"""The same as a Databricks Asset Bundle, for who deploys with the Databricks CLI.

Keys of the file: https://docs.databricks.com/aws/en/dev-tools/bundles/reference; what is below ``resources`` has the
form of the REST API's bodies (https://docs.databricks.com/aws/en/dev-tools/bundles/resources).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from workbench.clients import Client
from workbench.clients.targets import DatabricksTarget
from workbench.targets.databricks.jobs import bodies_of
from workbench.targets.names import name_of, name_of_version

__all__ = ["bundle_of", "text_of"]

HEAD = """\
# Written by `kedro databricks bundle`: change client.yml, and write it again. `databricks bundle validate` checks it,
# `databricks bundle deploy` deploys it. What a bundle has deployed is the bundle's: deploy a client with this or with
# `kedro deploy`, not with both. An address can't be a variable here, because the CLI logs in before it reads variables.
"""


def bundle_of(client: Client, settings: DatabricksTarget, version: int | None = None) -> dict[str, Any]:
    """The content of ``databricks.yml``.

    Args:
        settings: the target.
        version: the number in Unity Catalog that is served at first; None leaves the endpoint out.

    Raises:
        ConfigurationError: a schedule has no expression that Databricks could read.
    """
    key = f"workbench_{client.id}"
    resources: dict[str, Any] = {"registered_models": {key: _model(client, settings)}}
    if settings.job is not None:
        bodies = bodies_of(client, settings.job)
        permissions = _permissions(settings.permissions.job)
        resources["jobs"] = {name.replace("-", "_"): body | permissions for name, body in bodies.items()}
    variables: dict[str, Any] = {
        "catalog": {"description": "The catalog of Unity Catalog.", "default": settings.catalog},
        "schema": {"description": "The schema of the catalog.", "default": settings.schema_},
    }
    if version is not None:
        resources["model_serving_endpoints"] = {key: _endpoint(client, settings, key)}
        variables["model_version"] = {
            "description": "The version in Unity Catalog that is served.",
            "default": str(version),
        }
    return {
        "bundle": {"name": name_of(client.id)},
        "variables": variables,
        "targets": {"prod": {"mode": "production", "default": True, "workspace": {"host": settings.host}}},
        "resources": resources,
    }


def text_of(bundle: Mapping[str, Any]) -> str:
    """The file."""
    return HEAD + yaml.safe_dump(dict(bundle), sort_keys=False, width=120, allow_unicode=True)


def _model(client: Client, settings: DatabricksTarget) -> dict[str, Any]:
    model: dict[str, Any] = {
        "name": f"workbench_{client.id}",
        "catalog_name": "${var.catalog}",
        "schema_name": "${var.schema}",
        "comment": f"Made by the workbench for client {client.id}.",
    }
    granted = settings.permissions.model or {}
    grants = [{"principal": who.partition(":")[2], "privileges": [what]} for who, what in sorted(granted.items())]
    return model | ({"grants": grants} if grants else {})


def _endpoint(client: Client, settings: DatabricksTarget, key: str) -> dict[str, Any]:
    served = name_of_version(client.id, 1).rpartition("-v")[0] + "-v${var.model_version}"
    tags = {"managed-by": "workbench", "client": client.id}
    return {
        "name": name_of(client.id),
        "config": {
            "served_entities": [
                {
                    "name": served,
                    "entity_name": f"${{resources.registered_models.{key}.id}}",
                    "entity_version": "${var.model_version}",
                    "workload_size": settings.workload_size,
                    "scale_to_zero_enabled": settings.scale_to_zero,
                }
            ],
            "traffic_config": {"routes": [{"served_model_name": served, "traffic_percentage": 100}]},
        },
        "tags": [{"key": name, "value": value} for name, value in tags.items()],
        **_permissions(settings.permissions.endpoint),
    }


def _permissions(given: Mapping[str, str] | None) -> dict[str, Any]:
    entries = [
        {f"{who.partition(':')[0]}_name": who.partition(":")[2], "level": level}
        for who, level in sorted((given or {}).items())
    ]
    return {"permissions": entries} if entries else {}
