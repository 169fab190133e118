"""What all services of Vertex AI have: bodies that are the API's own messages, labels, and long-running operations.

https://cloud.google.com/vertex-ai/docs/general/long-running-operations ·
https://cloud.google.com/resource-manager/docs/labels-overview#requirements
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from double_service import Answer, Operation, Request, route
from gcs_double import GcsDouble
from google.cloud import aiplatform_v1 as api
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, json_format
from google.rpc import status_pb2

__all__ = ["PARENT", "Begun", "VertexOperations"]

PARENT = r"/v1/(?P<parent>projects/[^/]+/locations/[^/]+)"


@dataclass
class Begun:
    """An operation at a resource.

    Attributes:
        kind: of its metadata.
        fails: what it ends with instead of its effect: code of google.rpc, and message.
    """

    name: str
    resource: str
    kind: str
    work: Operation
    fails: tuple[int, str] | None = None


class VertexOperations(GcsDouble):
    """Operations, and how messages come in and go out.

    Attributes:
        slow: how many looks an operation takes.
        failing: kind of operation to what the next of it fails with.
        operations: by name.
    """

    def __init__(self, bucket: str = "acme-models") -> None:
        super().__init__(bucket)
        self.operations: dict[str, Begun] = {}
        self.slow = 1
        self.failing: dict[str, tuple[int, str]] = {}

    # ---- messages

    def parsed(self, kind: Any, body: bytes | str, **more: Any) -> Any:
        """A message from JSON, as the API reads it: a field that it does not know is refused."""
        try:
            message = json_format.Parse(body or b"{}", kind.pb()())
        except json_format.ParseError as error:
            raise self.error(400, f"Invalid JSON payload received. {error}") from error
        found = kind.wrap(message)
        for name, value in more.items():
            setattr(found, name, value)
        return found

    def plain(self, request: Request, message: Any) -> Any:
        """A message as JSON, with numbers for enumerations if the caller wants them."""
        pb = type(message).pb(message) if hasattr(type(message), "pb") else message
        numbers = "enum-encoding=int" in request.query.get("$alt", "")
        return json_format.MessageToDict(pb, use_integers_for_enums=numbers)

    def check_labels(self, labels: Mapping[str, str]) -> None:
        """Refuse labels that Google Cloud does not take."""
        for key, value in labels.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
                raise self.error(400, f"Invalid label: {key}={value}")

    # ---- operations

    def begin(self, request: Request, resource: str, kind: str, effect: Callable[[], Any]) -> Any:
        """Begin something; ``effect`` gives what the operation answers with."""
        name = f"{resource}/operations/{len(self.operations) + 1}"
        begun = Begun(name, resource, kind, Operation(self.slow, effect), self.failing.pop(kind, None))
        if begun.fails:
            begun.work.effect = lambda: None
        self.operations[name] = begun
        return self.plain(request, _message(begun))

    def going_on(self, resource: str, kind: str = "") -> list[Begun]:
        """The operations at a resource that are not done."""
        found = [one for one in self.operations.values() if one.resource == resource and not one.work.done]
        return [one for one in found if not kind or one.kind == kind]

    def refuse_second(self, resource: str, what: str) -> None:
        """One resource takes one change at a time."""
        others = self.going_on(resource)
        if others:
            names = ", ".join(one.name for one in others)
            message = f'There are other operations running on the {what} "{resource}". Operation(s) are: {names}.'
            raise self.error(400, message, "FAILED_PRECONDITION")

    def authorise(self, request: Request) -> None:
        super().authorise(request)
        # Work goes on whoever looks at what.
        if request.method == "GET":
            self.work()

    def work(self) -> None:
        """A moment passes."""
        for begun in self.operations.values():
            try:
                begun.work.look()
            except Answer as error:
                begun.fails = (9, error.body["error"]["message"])
                begun.work.effect = lambda: None

    def finish(self) -> None:
        """All that was begun comes to its end."""
        for _ in range(100):
            self.work()

    @route("GET", r"/v1/(?P<name>projects/.+/operations/\d+)")
    def get_operation(self, request: Request, name: str) -> Any:
        begun = self.operations.get(name)
        return self.plain(request, _message(begun)) if begun else self.error(404, f"{name} is not found.")

    @route("GET", r"/v1/(?P<resource>projects/.+)/operations")
    def list_operations(self, request: Request, resource: str) -> Any:
        found = [_message(one) for one in self.operations.values() if one.resource == resource]
        return self.plain(request, operations_pb2.ListOperationsResponse(operations=found))


def _message(begun: Begun) -> Any:
    metadata = any_pb2.Any()
    metadata.Pack(getattr(api, f"{begun.kind}OperationMetadata").pb()())
    message = operations_pb2.Operation(name=begun.name, done=begun.work.done, metadata=metadata)
    if begun.work.done and begun.fails:
        message.error.CopyFrom(status_pb2.Status(code=begun.fails[0], message=begun.fails[1]))
    elif begun.work.done:
        result = begun.work.result
        if result is None:
            from google.protobuf.empty_pb2 import Empty

            message.response.Pack(Empty())
        else:
            message.response.Pack(type(result).pb(result))
    return message
