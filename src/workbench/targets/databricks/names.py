"""What things are called in a workspace, and what marks them as this client's."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.targets.release import Release

__all__ = ["SHA256", "VERSION", "entry_tags", "model_name", "model_tags", "path_of"]

VERSION, SHA256 = "workbench_version", "sha256"
"""Tags of a version in Unity Catalog."""


def model_name(catalog: str, schema: str, client: str) -> str:
    """The model of all versions: ``catalog.schema.workbench_<client>``.

    At most 255 characters a part, without full stop, space, slash or control characters; an id has none of them.
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names
    """
    return f"{catalog}.{schema}.workbench_{client}"


def path_of(name: str, number: str) -> str:
    """Where a version's files lie."""
    return f"/Models/{name.replace('.', '/')}/{number}"


def model_tags(client: str) -> dict[str, str]:
    """Tags of the model. A key has none of ``. , - = / :``, so ``managed-by`` is written otherwise here.

    https://docs.databricks.com/aws/en/database-objects/tags#constraints
    """
    return {"managed_by": "workbench", "client": client}


def entry_tags(release: Release) -> dict[str, str]:
    """Tags of a version."""
    run = {"run": release.run_id} if release.run_id else {}
    return model_tags(release.client) | {VERSION: str(release.version), SHA256: release.sha256} | run


def is_of(tags: Mapping[str, str], client: str, version: int) -> bool:
    """Whether a version's tags say that it is this release."""
    return tags.get("client") == client and tags.get(VERSION) == str(version)
