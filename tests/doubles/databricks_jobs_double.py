"""The part of the Databricks double that has Jobs, permissions and grants, and the format of errors."""

from __future__ import annotations

import json
from typing import Any

from databricks.sdk.service import catalog, jobs, serving
from double_service import Answer, Request, Service, route

__all__ = ["JobsDouble"]


class JobsDouble(Service):
    """Jobs by number, and who may do what.

    Attributes:
        access: by an endpoint's id or a job's number, the entries of its access control list.
        grants: by a model's name, principal to privileges.
        made: what was created, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, jobs.JobSettings] = {}
        self.access: dict[str, list[dict[str, Any]]] = {}
        self.grants: dict[str, dict[str, set[str]]] = {}
        self.made: list[str] = []

    def _model(self, name: str) -> Any:
        """The model, or 404; the models are kept by the class below."""
        raise NotImplementedError(name)

    def error(self, status: int, message: str, code: str = "", details: list[dict[str, str]] | None = None) -> Answer:
        codes = {400: "INVALID_PARAMETER_VALUE", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
        codes |= {404: "RESOURCE_DOES_NOT_EXIST", 409: "RESOURCE_CONFLICT", 429: "RESOURCE_EXHAUSTED"}
        body = {"error_code": code or codes.get(status, "INTERNAL_ERROR"), "message": message}
        return Answer(status, body | ({"details": details} if details else {}))

    def _refuse_unknown(self, given: Any, known: Any) -> None:
        if json.loads(json.dumps(given)) != json.loads(json.dumps(known)):
            raise self.error(400, f"a field is not known: {json.dumps(given)[:300]} is not {json.dumps(known)[:300]}")

    # ---- permissions ------------------------------------------------------------------------------------------------

    @route("GET", "/api/2.0/permissions/(?P<kind>serving-endpoints|jobs)/(?P<thing>[^/]+)")
    def get_permissions(self, _: Request, kind: str, thing: str) -> Any:
        if thing not in self.access:
            return self.error(404, f"{kind} {thing} does not exist")
        entries = [
            {name: value for name, value in one.items() if name != "permission_level"}
            | {"all_permissions": [{"permission_level": one["permission_level"], "inherited": False}]}
            for one in self.access[thing]
        ]
        admins = {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True}]}
        answer = {"object_id": f"/{kind}/{thing}", "object_type": kind, "access_control_list": [*entries, admins]}
        return (
            (serving.ServingEndpointPermissions if kind != "jobs" else jobs.JobPermissions).from_dict(answer).as_dict()
        )

    @route("PUT", "/api/2.0/permissions/(?P<kind>serving-endpoints|jobs)/(?P<thing>[^/]+)")
    def set_permissions(self, request: Request, kind: str, thing: str) -> Any:
        asked = request.json()["access_control_list"]
        one_of = jobs.JobAccessControlRequest if kind == "jobs" else serving.ServingEndpointAccessControlRequest
        for entry in asked:
            self._refuse_unknown(entry, one_of.from_dict(entry).as_dict())
        if kind == "jobs" and [entry["permission_level"] for entry in asked].count("IS_OWNER") != 1:
            return self.error(400, "a job has exactly one owner")
        self.access[thing] = asked
        return self.get_permissions(request, kind, thing)

    @route("GET", "/api/2.1/unity-catalog/permissions/FUNCTION/(?P<name>[^/]+)")
    def get_grants(self, _: Request, name: str) -> Any:
        self._model(name)
        assignments = [
            catalog.PrivilegeAssignment(principal=who, privileges=[catalog.Privilege(one) for one in sorted(held)])
            for who, held in self.grants.get(name, {}).items()
            if held
        ]
        return catalog.GetPermissionsResponse(privilege_assignments=assignments).as_dict()

    @route("PATCH", "/api/2.1/unity-catalog/permissions/FUNCTION/(?P<name>[^/]+)")
    def change_grants(self, request: Request, name: str) -> Any:
        for given in request.json()["changes"]:
            change = catalog.PermissionsChange.from_dict(given)
            self._refuse_unknown(given, change.as_dict())
            held = self.grants.setdefault(name, {}).setdefault(change.principal or "", set())
            held |= {one.value for one in change.add or []}
            held -= {one.value for one in change.remove or []}
        return self.get_grants(request, name)

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def _settings(self, body: Any) -> jobs.JobSettings:
        settings = jobs.JobSettings.from_dict(body)
        self._refuse_unknown(body, settings.as_dict())
        keys = {one.environment_key for one in settings.environments or []}
        clusters = {one.job_cluster_key for one in settings.job_clusters or []}
        tasks = settings.tasks or []
        names = {task.task_key for task in tasks}
        for task in tasks:
            if (task.environment_key or "") not in keys and (task.job_cluster_key or "") not in clusters:
                raise self.error(400, f"task {task.task_key} has nothing to run on")
            if any(before.task_key not in names for before in task.depends_on or []):
                raise self.error(400, f"task {task.task_key} depends on one that is not there")
        return settings

    @route("POST", "/api/2.2/jobs/create")
    def create_job(self, request: Request) -> Any:
        number = 1000 + len(self.made)
        self.jobs[number] = self._settings(request.json())
        self.access[str(number)] = [{"user_name": "owner@example.com", "permission_level": "IS_OWNER"}]
        self.made.append(f"job {self.jobs[number].name}")
        return jobs.CreateResponse(number).as_dict()

    @route("GET", "/api/2.2/jobs/list")
    def list_jobs(self, request: Request) -> Any:
        name = request.query.get("name", "").lower()
        found = [number for number, one in self.jobs.items() if not name or (one.name or "").lower() == name]
        start = int(request.query.get("page_token") or 0)
        page = [
            jobs.BaseJob(
                job_id=number, settings=jobs.JobSettings(name=self.jobs[number].name, tags=self.jobs[number].tags)
            )
            for number in found[start : start + 1]
        ]
        more = start + 1 < len(found)
        return {
            "jobs": [one.as_dict() for one in page],
            "has_more": more,
            **({"next_page_token": str(start + 1)} if more else {}),
        }

    @route("GET", "/api/2.2/jobs/get")
    def get_job(self, request: Request) -> Any:
        number = int(request.query["job_id"])
        if number not in self.jobs:
            return self.error(400, f"Job {number} does not exist.", "INVALID_PARAMETER_VALUE")
        # The service fills in what was not given.
        defaults = {"format": "MULTI_TASK", "email_notifications": {}, "webhook_notifications": {}}
        settings = jobs.JobSettings.from_dict({**defaults, **self.jobs[number].as_dict()})
        return jobs.Job(job_id=number, settings=settings, creator_user_name="owner@example.com").as_dict()

    @route("POST", "/api/2.2/jobs/reset")
    def reset_job(self, request: Request) -> Any:
        body = request.json()
        self.jobs[int(body["job_id"])] = self._settings(body["new_settings"])
        return {}

    @route("POST", "/api/2.2/jobs/delete")
    def delete_job(self, request: Request) -> Any:
        number = int(request.json()["job_id"])
        if number not in self.jobs:
            return self.error(400, f"Job {number} does not exist.", "INVALID_PARAMETER_VALUE")
        del self.jobs[number]
        return {}
