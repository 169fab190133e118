"""The client's pipeline as Jobs: one without a clock, and one for each schedule of the client.

A job runs ``kedro run`` of this project's wheel, a task a pipeline, on serverless compute or on a cluster of its own.
https://docs.databricks.com/api/workspace/jobs/create, https://docs.databricks.com/aws/en/jobs/python-wheel
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.clients import Client, env_of_client
from workbench.clients.targets import DatabricksCluster, DatabricksJob
from workbench.errors import Gone
from workbench.targets.databricks.access import Permissions
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.quartz import quartz
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.names import name_of
from workbench.targets.protocol import Doing, Fact, Found

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import BaseJob, JobSettings

__all__ = ["JobPart", "bodies_of"]

PACKAGE, ENTRY = "smithright-workbench", "workbench-run"
"""The wheel's name, and its entry point for jobs (``pipelines.job:main``)."""

COMPUTE = "pipeline"
"""The key of what all tasks run on."""


def bodies_of(client: Client, job: DatabricksJob) -> dict[str, dict[str, Any]]:
    """The client's jobs, as the service's settings have them: name to settings.

    Raises:
        ConfigurationError: a schedule has no expression that Databricks could read.
    """
    plain = name_of(client.id)
    bodies = {plain: _body(client, job, plain, job.pipelines)}
    for name, schedule in client.schedule.items():
        full = f"{plain}-{name.replace('_', '-')}"
        body = _body(client, job, full, schedule.pipelines or job.pipelines)
        body["schedule"] = {
            "quartz_cron_expression": quartz(schedule.cron, where=f"client {client.id}, schedule {name}"),
            "timezone_id": schedule.timezone,
            "pause_status": "UNPAUSED",
        }
        bodies[full] = body
    return bodies


def _body(client: Client, job: DatabricksJob, name: str, pipelines: Sequence[str]) -> dict[str, Any]:
    """One job: its tasks run one after another, and one at a time of the whole job."""
    tags = {"managed-by": "workbench", "client": client.id}
    tasks = [
        _task(client.id, job, pipeline, before) for before, pipeline in zip((None, *pipelines), pipelines, strict=False)
    ]
    body: dict[str, Any] = {
        "name": name,
        "description": f"Made by the workbench for client {client.id}; changes here are taken back.",
        "tags": tags,
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
        "timeout_seconds": job.timeout_minutes * 60,
        "tasks": tasks,
    }
    if job.cluster is None:
        spec = {"environment_version": job.environment_version, "dependencies": [job.wheel]}
        return body | {"environments": [{"environment_key": COMPUTE, "spec": spec}]}
    return body | {"job_clusters": [{"job_cluster_key": COMPUTE, "new_cluster": _cluster(job.cluster, tags)}]}


def _task(client: str, job: DatabricksJob, pipeline: str, before: str | None) -> dict[str, Any]:
    arguments = ["--project", job.project, "--env", env_of_client(client), "--pipelines", pipeline]
    task: dict[str, Any] = {
        "task_key": pipeline,
        "max_retries": job.retries,
        "python_wheel_task": {"package_name": PACKAGE, "entry_point": ENTRY, "parameters": arguments},
    }
    if before is not None:
        task["depends_on"] = [{"task_key": before}]
    if job.cluster is None:
        return task | {"environment_key": COMPUTE}
    return task | {"job_cluster_key": COMPUTE, "libraries": [{"whl": job.wheel}]}


def _cluster(cluster: DatabricksCluster, tags: Mapping[str, str]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "spark_version": cluster.spark_version,
        "node_type_id": cluster.node_type,
        "num_workers": cluster.workers,
        "data_security_mode": "SINGLE_USER",
        "custom_tags": dict(tags),
    }
    if cluster.workers == 0:
        spec["custom_tags"]["ResourceClass"] = "SingleNode"
        spec["spark_conf"] = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
    return spec


@dataclass(frozen=True)
class JobPart:
    """One job. Several may have one name, so it is found by its name and the tag that names the client.

    Attributes:
        body: its settings; None for one that is only to be looked for or taken down.
    """

    workspace: Workspace
    client: str
    name: str
    permissions: Permissions
    body: Mapping[str, Any] | None = None
    kind: str = "job"
    version: int | None = None

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """One, as the configuration has it."""
        wanted: dict[str, Fact] = {"settings": "as configured", "copies": 1}
        return wanted | self.permissions.wanted

    def find(self) -> Found | None:
        """The job that was made first; what the service has filled in does not count as a difference."""
        numbers = self._numbers()
        if not numbers:
            return None
        first = numbers[0]
        try:
            found = self.workspace.call(lambda client: client.jobs.get(first)).settings
        except Missing:
            return None
        there = found.as_dict() if found else {}
        is_same = self.body is None or _covers(there, self.body)
        facts: dict[str, Fact] = {
            "settings": "as configured" if is_same else "otherwise",
            "copies": len(numbers),
        }
        facts |= self.permissions.facts(str(first))
        return Found(str(first), facts, there.get("tags", {}))

    def create(self) -> str:
        """Make it; who may use it is a change."""
        settings = self._settings()
        given = {name: value for name, value in vars(settings).items() if value not in (None, [])}
        self.workspace.call(lambda client: client.jobs.create(**given))
        return ""

    def change(self, found: Found) -> str:
        """Set all settings anew, delete surplus copies, say who may use it."""
        first, *surplus = self._numbers()
        for number in surplus:
            self._delete(number)
        if found.facts.get("settings") != "as configured":
            settings = self._settings()
            self.workspace.call(lambda client: client.jobs.reset(first, settings))
        if found.facts.get("permissions") != self.permissions.wanted.get("permissions"):
            self.permissions.settle(str(first))
        return ""

    def delete(self, found: Found) -> str:
        """Take it down, with all its copies; runs that are on their way end by themselves."""
        for number in self._numbers():
            self._delete(number)
        return ""

    def poll(self, operation: str) -> Doing:
        """Nothing of it takes time."""
        raise Gone(f"operation {operation} is not known")

    def _numbers(self) -> list[int]:
        """The jobs of this name that are this client's, the oldest first."""
        found: list[BaseJob] = self.workspace.call(lambda client: list(client.jobs.list(name=self.name)))
        ours = [job for job in found if _tags(job).get("client") == self.client]
        return sorted(job.job_id for job in ours if job.job_id is not None)

    def _delete(self, number: int) -> None:
        self.workspace.call(lambda client: client.jobs.delete(number))

    def _settings(self) -> JobSettings:
        from databricks.sdk.service.jobs import JobSettings

        return JobSettings.from_dict(dict(self.body or {}))


def _tags(job: BaseJob) -> Mapping[str, str]:
    tags = (job.settings.tags if job.settings else None) or {}
    return tags if tags.get("managed-by") == "workbench" else {}


def _covers(there: Any, wanted: Any) -> bool:
    """Whether what is there has all that is wanted; a service fills in more, but no more items of a list."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(
            name in there and _covers(there[name], wanted[name]) for name in wanted
        )
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(_covers(one, other) for one, other in zip(there, wanted, strict=True))
        )
    return bool(there == wanted)
