"""Jobs (kubernetes.io/docs/concepts/workloads/controllers/job), one a client."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from workbench.export.fleet.options import FleetOptions
from workbench.export.kubernetes import container, dns_label, labels, pod, variables
from workbench.fleet.plan import Cell

__all__ = ["as_jobs"]

LONGEST_NAME = 63
KEPT_SECONDS = 86_400
"""For how long a Job that has ended can be looked at; then its name is free for the next one."""

MAY_PASS = 75
"""``EX_TEMPFAIL`` of ``sysexits.h``: the one exit code after which another attempt may pass."""

HEAD = """\
# Written by `kedro fleet export --to kubernetes`; write it again, do not edit it.
# Begin it with `kubectl create -f`, and once more with `kubectl replace --force -f`.
"""


def as_jobs(cells: Sequence[Cell], options: FleetOptions) -> Mapping[str, str]:
    """A manifest each client; its pipelines are containers of one pod, which begin in order."""
    import yaml

    by_client = groupby(cells, key=lambda cell: cell.client)
    return {
        f"{client}.yaml": HEAD + yaml.safe_dump(_job(client, list(mine), options), sort_keys=False, width=120)
        for client, mine in by_client
    }


def _job(client: str, cells: Sequence[Cell], options: FleetOptions) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": dns_label("fleet", client, longest=LONGEST_NAME), "labels": labels(client)},
        "spec": {
            "backoffLimit": options.retries,
            "activeDeadlineSeconds": options.timeout_minutes * 60 * len(cells),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "podFailurePolicy": {"rules": _rules()},
            "template": {
                "metadata": {"labels": labels(client)},
                "spec": pod([_container(place, cell, options) for place, cell in enumerate(cells, 1)], options),
            },
        },
    }


def _rules() -> list[dict[str, Any]]:
    """The first that fits counts: a pod that the cluster took away is no failure; what cannot pass ends the Job."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [MAY_PASS]}},
    ]


def _container(place: int, cell: Cell, options: FleetOptions) -> dict[str, Any]:
    """The client's own data and models alone are mounted; another client's are not there at all."""
    folders = (f"data/{cell.client}", f"models/{cell.client}", ".workbench", ".mlflow")
    arguments = ("run", "--env", f"clients/{cell.client}", "--pipelines", cell.pipeline)
    name = re.sub(r"[^a-z0-9]+", "-", f"{place}-{cell.pipeline}".lower())[:63].strip("-")
    return container(name, arguments, cell.client, folders, options) | {
        "env": variables({"OMP_NUM_THREADS": str(options.cpu), "OMP_WAIT_POLICY": "PASSIVE"} | options.environment),
        "resources": {
            "requests": {"cpu": str(options.cpu), "memory": options.memory},
            "limits": {"memory": options.memory},
        },
    }
