"""The nodes of ``deploy``: each may be killed and run again, and finds what it had begun."""

from __future__ import annotations

import logging
from typing import Any

from pipelines.deploy.parameters import DeployParameters
from workbench.datasets import ClientFiles

__all__ = ["apply_deployment", "plan_deployment", "shift_traffic"]

_LOG = logging.getLogger(__name__)


def plan_deployment(project_files: ClientFiles, parameters: DeployParameters) -> dict[str, Any]:
    """What an apply would do, and what it would cost; nothing is changed.

    Returns:
        :meth:`workbench.targets.plan.Plan.to_dict`.
    """
    from workbench.targets.opening import open_deployment, release_for

    release = release_for(project_files.project, project_files.client, parameters.target, parameters.version)
    with open_deployment(
        project_files.project, project_files.client, parameters.target, view=_Log(), changes=False
    ) as deployment:
        return deployment.plan(release).to_dict()


def apply_deployment(
    project_files: ClientFiles, deployment_plan: dict[str, Any], parameters: DeployParameters
) -> dict[str, Any]:
    """Make what serving the planned version takes.

    Returns:
        :meth:`workbench.targets.deployment.Done.to_dict`, and the version.

    Raises:
        OverBudget: it would cost more than the client's configuration allows.
        TargetError: a service has refused something, or the first version answers otherwise than the model does.
    """
    from workbench.targets.opening import open_deployment, release_for

    version = int(deployment_plan["version"])
    release = release_for(project_files.project, project_files.client, parameters.target, version)
    with open_deployment(project_files.project, project_files.client, parameters.target, view=_Log()) as deployment:
        return {"version": release.version, **deployment.apply(release).to_dict()}


def shift_traffic(
    project_files: ClientFiles, deployment_applied: dict[str, Any], parameters: DeployParameters
) -> dict[str, Any]:
    """Give the version its share of the traffic, or all of it, if that is asked for.

    Returns:
        As :func:`apply_deployment`.
    """
    from workbench.targets.opening import open_deployment

    if deployment_applied["candidate"] is None or not (parameters.promote or parameters.percent is not None):
        return deployment_applied
    with open_deployment(project_files.project, project_files.client, parameters.target, view=_Log()) as deployment:
        done = deployment.promote() if parameters.promote else deployment.canary(parameters.percent or 0)
    return {"version": deployment_applied["version"], **done.to_dict()}


class _Log:
    """Tells the run's log what is waited for."""

    def step(self, text: str) -> None:
        _LOG.info(text)

    def doing(self, doing: object) -> None:
        pass
