"""What a CronJob of a schedule and a Job of the fleet have in common: names, labels, a pod that may do little."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.export.options import GROUP, ExportOptions

__all__ = ["container", "dns_label", "labels", "pod", "variables"]

STATE = "state"
"""The volume that keeps what outlives a pod."""


def dns_label(*parts: str, longest: int) -> str:
    """``workbench-<parts>`` as a DNS label (RFC 1123).

    Where it would be too long, or two could become one, a digest of the parts keeps it apart from the others.
    """
    name = "-".join(["workbench", *parts]).replace("_", "-").rstrip("-")
    if len(name) <= longest and "_" not in "".join(parts):
        return name
    digest = hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]
    return f"{name[: longest - 9].rstrip('-')}-{digest}"


def labels(client: str, **others: str) -> dict[str, str]:
    """What `kubectl get -l` can ask for."""
    return {"app.kubernetes.io/part-of": "workbench", "client": client, **others}


def container(
    name: str, arguments: Sequence[str], client: str, folders: Sequence[str], options: ExportOptions
) -> dict[str, Any]:
    """A container that runs one command of the workbench.

    Args:
        name: a DNS label.
        arguments: of `kedro`.
        client: whose variables it gets: those of the Secret ``workbench-<client>``, if there is one.
        folders: of the project, which the volume keeps.
        options: the place.
    """
    return {
        "name": name,
        "image": options.image,
        "command": ["tini", "--", options.kedro],
        "args": list(arguments),
        "workingDir": options.project,
        **({"env": variables(options.environment)} if options.stage else {}),
        "envFrom": [{"secretRef": {"name": f"workbench-{client.replace('_', '-')}", "optional": True}}],
        "volumeMounts": [
            {"name": STATE, "mountPath": f"{options.project.rstrip('/')}/{folder}", "subPath": folder}
            for folder in folders
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def variables(given: Mapping[str, str]) -> list[dict[str, str]]:
    """As a container's ``env``."""
    return [{"name": name, "value": value} for name, value in given.items()]


def pod(containers: Sequence[Mapping[str, Any]], options: ExportOptions) -> dict[str, Any]:
    """A pod that runs containers one after the other: all but the last are init containers, which Kubernetes orders."""
    *before, last = containers
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # A new volume is root's, and who runs is not root.
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"initContainers": list(before)} if before else {}),
        "containers": [last],
        "volumes": [{"name": STATE, "persistentVolumeClaim": {"claimName": options.claim}}],
    }
