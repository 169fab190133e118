"""Long-running operations, as all Google APIs have them.

https://cloud.google.com/vertex-ai/docs/general/long-running-operations
"""

from __future__ import annotations

from workbench.errors import Gone
from workbench.targets.protocol import Doing
from workbench.targets.vertex.errors import problem
from workbench.targets.vertex.services import Services

__all__ = ["begun_on", "poll"]


def poll(services: Services, operation: str) -> Doing:
    """How far an operation is.

    Raises:
        TargetError: it has failed.
        Gone: it is not known any more; operations are kept for some time only.
    """
    found = services.operation(operation)
    if found is None:
        raise Gone("the operation is not known any more", where=f"client {services.client}, {services.where}")
    kind = found.metadata.TypeName().rpartition(".")[2].removesuffix("OperationMetadata") or "it"
    if found.HasField("error"):
        raise problem(found.error, kind, f"client {services.client}, {services.where}")
    return Doing(found.done, None, kind)


def begun_on(services: Services, resource: str, kind: str) -> str:
    """The name of an operation of a kind that goes on at a resource; "" if there is none.

    Whoever was killed before the answer came has left one of which nobody knows the name, and what it makes is not
    shown before it is done.

    Args:
        services: the SDK's clients.
        resource: a model's or an endpoint's name.
        kind: of its metadata, such as ``DeployModelOperationMetadata``.
    """
    for operation in services.operations_on(resource):
        if not operation.done and operation.metadata.TypeName().rpartition(".")[2] == kind:
            return str(operation.name)
    return ""
