"""Who may do what: grants on the model, permissions on the endpoint and the job.

A principal is written ``group:analysts``, ``service_principal:<application id>`` or ``user:<address>``. What the
configuration does not name is taken away, except what the owner and those who manage the thing have; where it says
nothing at all, permissions are neither read nor changed.

https://docs.databricks.com/api/workspace/servingendpoints/setpermissions,
https://docs.databricks.com/api/workspace/jobs/setpermissions, https://docs.databricks.com/api/workspace/grants/update
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.targets.databricks.workspace import Workspace
from workbench.targets.protocol import Fact

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import PrivilegeAssignment

__all__ = ["Permissions", "Privileges", "shown"]

FACT = "permissions"
KEEPERS = frozenset({"IS_OWNER", "CAN_MANAGE"})
"""Levels that are left to whoever has them: the owner's, and the administrators'."""

OURS = ("EXECUTE", "APPLY_TAG", "MANAGE")
"""Privileges on a model that a configuration may give."""


def shown(wanted: Mapping[str, str]) -> str:
    """A configuration's permissions as one fact: ``group:analysts=CAN_QUERY``."""
    return ", ".join(f"{principal}={level}" for principal, level in sorted(wanted.items()))


@dataclass(frozen=True)
class Permissions:
    """Permissions on an endpoint or a job.

    Args:
        api: ``serving_endpoints`` or ``jobs`` of the SDK's client.
        given: principal to level; None says nothing.
    """

    workspace: Workspace
    api: str
    given: Mapping[str, str] | None

    @property
    def wanted(self) -> dict[str, Fact]:
        """The fact, if anything is said."""
        return {} if self.given is None else {FACT: shown(self.given)}

    def facts(self, object_id: str) -> dict[str, Fact]:
        """How it is."""
        if self.given is None:
            return {}
        named = dict(self._direct(object_id))
        kept = {who: level for who, level in named.items() if level not in KEEPERS or who in self.given}
        return {FACT: shown(kept)}

    def settle(self, object_id: str) -> None:
        """Make it as it is wanted."""
        if self.given is None:
            return
        keepers = {who: level for who, level in self._direct(object_id) if level in KEEPERS}
        request = _request_class(self.api)
        wanted = [
            request.from_dict({f"{_kind(who)}_name": who.partition(":")[2], "permission_level": level})
            for who, level in (keepers | dict(self.given)).items()
        ]
        self.workspace.call(
            lambda client: getattr(client, self.api).set_permissions(object_id, access_control_list=wanted)
        )

    def _direct(self, object_id: str) -> Iterable[tuple[str, str]]:
        """Permissions on the thing itself; what it inherits is not ours to change."""
        found: Any = self.workspace.call(lambda client: getattr(client, self.api).get_permissions(object_id))
        for entry in found.access_control_list or []:
            for kind in ("user", "group", "service_principal"):
                name = getattr(entry, f"{kind}_name")
                for permission in entry.all_permissions or []:
                    if name and not permission.inherited and permission.permission_level is not None:
                        yield f"{kind}:{name}", permission.permission_level.value


def _kind(principal: str) -> str:
    return principal.partition(":")[0]


def _request_class(api: str) -> Any:
    from databricks.sdk.service import jobs, serving

    return {"jobs": jobs.JobAccessControlRequest, "serving_endpoints": serving.ServingEndpointAccessControlRequest}[api]


@dataclass(frozen=True)
class Privileges:
    """Grants on the model. A registered model is a ``FUNCTION`` among Unity Catalog's securables.

    https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/#control-access-to-models
    """

    workspace: Workspace
    name: str
    given: Mapping[str, str] | None

    @property
    def wanted(self) -> dict[str, Fact]:
        """The fact, if anything is said."""
        return {} if self.given is None else {FACT: shown(self._plain())}

    def facts(self) -> dict[str, Fact]:
        """How it is."""
        if self.given is None:
            return {}
        return {FACT: ", ".join(sorted(f"{who}={what}" for who, what in self._held()))}

    def settle(self) -> None:
        """Make it as it is wanted."""
        if self.given is None:
            return
        from databricks.sdk.service.catalog import PermissionsChange, Privilege

        wanted, held = set(self._plain().items()), set(self._held())
        changes = [PermissionsChange(principal=who, add=[Privilege(what)]) for who, what in sorted(wanted - held)]
        changes += [PermissionsChange(principal=who, remove=[Privilege(what)]) for who, what in sorted(held - wanted)]
        self.workspace.call(lambda client: client.grants.update("FUNCTION", self.name, changes=changes))

    def _plain(self) -> dict[str, str]:
        """Unity Catalog knows a principal by its name alone."""
        return {who.partition(":")[2]: what for who, what in (self.given or {}).items()}

    def _held(self) -> Iterable[tuple[str, str]]:
        found = self.workspace.call(lambda client: client.grants.get("FUNCTION", self.name))
        assignments: Iterable[PrivilegeAssignment] = found.privilege_assignments or []
        for assignment in assignments:
            for privilege in assignment.privileges or []:
                who = assignment.principal or ""
                # Those who manage it are the owner's business, unless the configuration names them.
                if privilege.value in OURS and (privilege.value != "MANAGE" or who in self._plain()):
                    yield who, privilege.value
