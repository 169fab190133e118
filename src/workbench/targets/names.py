"""What a client's things are called at a target: derived, so that whoever comes later finds them."""

from __future__ import annotations

import re

__all__ = ["label_value", "name_of", "name_of_version", "version_of_name"]

PREFIX = "workbench"


def name_of(client: str) -> str:
    """The name of what serves all versions: ``workbench-skyways``.

    Letters, digits and hyphens are what every cloud takes. No client's id has a hyphen, so no two come out alike.
    """
    return f"{PREFIX}-{client.replace('_', '-')}"


def name_of_version(client: str, version: int) -> str:
    """The name of what belongs to one version: ``workbench-skyways-v4``."""
    return f"{name_of(client)}-v{version}"


def version_of_name(client: str, name: str) -> int | None:
    """The version in a name that :func:`name_of_version` made for this client; None if it made none such."""
    match = re.fullmatch(rf"{re.escape(name_of(client))}-v([1-9][0-9]{{0,8}})", name)
    return int(match[1]) if match else None


def label_value(text: str) -> str:
    """A value that Google Cloud takes as a label: at most 63 of ``[a-z0-9_-]``.

    https://cloud.google.com/resource-manager/docs/labels-overview#requirements
    """
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]
