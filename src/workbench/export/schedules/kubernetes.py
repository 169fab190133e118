"""CronJobs (kubernetes.io/docs/concepts/workloads/controllers/cron-jobs), one a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.export.kubernetes import container, dns_label, labels, pod
from workbench.export.options import ExportOptions
from workbench.schedules.entries import Entry

__all__ = ["as_kubernetes"]

LONGEST_NAME = 52
"""Kubernetes adds eleven characters to a CronJob's name, and a name has 63 at most."""

FOLDERS = ("data", "models", ".workbench", ".mlflow")


def as_kubernetes(entries: Sequence[Entry], options: ExportOptions) -> str:
    """Manifests, one document each.

    A client's variables come from a Secret ``workbench-<client>``, which only its own jobs see.
    """
    import yaml

    head = "# Written by `kedro report schedule export --to kubernetes`. Apply it with `kubectl apply -f`.\n"
    manifests = [_manifest(entry, options) for entry in entries]
    return head + yaml.safe_dump_all(manifests, sort_keys=False, width=120)


def _manifest(entry: Entry, options: ExportOptions) -> dict[str, Any]:
    schedule, client = entry.schedule, entry.client.id
    marks = labels(client, schedule=entry.name)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": dns_label(client, entry.name, longest=LONGEST_NAME), "labels": marks},
        "spec": {
            "schedule": schedule.cron,
            "timeZone": schedule.timezone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": max(60, schedule.grace_minutes * 60),
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": _job(entry, options, marks)},
        },
    }


def _job(entry: Entry, options: ExportOptions, marks: dict[str, str]) -> dict[str, Any]:
    slot = ("report", "schedule", "slot", entry.client.id, entry.name)
    spec = pod([container("slot", slot, entry.client.id, FOLDERS, options)], options)
    return {
        "backoffLimit": entry.schedule.retries,
        "activeDeadlineSeconds": entry.schedule.timeout_minutes * 60,
        "template": {"metadata": {"labels": dict(marks)}, "spec": spec},
    }
