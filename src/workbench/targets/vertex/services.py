"""The SDK's clients of one project and region, opened when they are used; one attempt a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from workbench.clients.targets import VertexTarget as Settings
from workbench.targets.addresses import refuse_plain
from workbench.targets.vertex.errors import Missing, speaking
from workbench.targets.vertex.identity import credentials_of

__all__ = ["Services"]


class Services:
    """Vertex AI and Cloud Storage, as one client's service account sees them.

    The transports are built here, and not by the SDK's clients: those would sign tokens themselves that no login
    service can take back, and a revoked key would go on for an hour.

    Args:
        settings: what the client's configuration says.
        secrets: the client's.
        client: whose.
    """

    def __init__(self, settings: Settings, secrets: Mapping[str, str], client: str) -> None:
        self.settings, self.client, self._secrets = settings, client, secrets
        self.parent = f"projects/{settings.project}/locations/{settings.location}"
        self.where = f"Vertex AI, project {settings.project}, {settings.location}"
        self._address = settings.address or f"https://{settings.location}-aiplatform.googleapis.com"
        self._storage_address = settings.storage_address or settings.address
        for address in (self._address, self._storage_address or "https://"):
            refuse_plain(address, client)
        # Written to the audit log with each call: https://cloud.google.com/apis/docs/system-parameters
        self.reason = f"workbench client={client}"
        self._opened: list[Any] = []

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """One call, one attempt.

        Raises:
            Unreachable, AlreadyThere, Missing, TargetError: as :func:`~workbench.targets.vertex.errors.speaking` says.
        """
        with speaking(self._of):
            return method(request=request, **self._options)

    def look(self, method: Callable[..., Any], request: Any) -> Any | None:
        """As :meth:`call`; None if there is no such thing."""
        try:
            return self.call(method, request)
        except Missing:
            return None

    def listed(self, method: Callable[..., Any], request: Any) -> list[Any]:
        """All pages of a list; empty if what is listed is not there."""
        try:
            with speaking(self._of):
                return list(method(request=request, **self._options))
        except Missing:
            return []

    def operation(self, name: str) -> Any | None:
        """An operation, if it is still known."""
        try:
            with speaking(self._of):
                return self._operations.get_operation(name, **self._options)
        except Missing:
            return None

    def operations_on(self, resource: str) -> list[Any]:
        """The operations at a resource."""
        try:
            with speaking(self._of):
                return list(self._operations.list_operations(resource, **self._options))
        except Missing:
            return []

    @property
    def _of(self) -> str:
        return f"client {self.client}, {self.where}"

    @property
    def _options(self) -> dict[str, Any]:
        reason = [("x-goog-request-reason", self.reason)]
        return {"retry": None, "timeout": self.settings.request_seconds, "metadata": reason}

    @cached_property
    def credentials(self) -> Any:
        """The service account's; one token for all clients."""
        return credentials_of(self._secrets, self.settings.credentials, client=self.client)

    @cached_property
    def models(self) -> Any:
        """The Model Registry."""
        from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

        return self._client(ModelServiceClient)

    @cached_property
    def endpoints(self) -> Any:
        """Endpoints, and what is deployed to them."""
        from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient

        return self._client(EndpointServiceClient)

    @cached_property
    def predictions(self) -> Any:
        """Online prediction."""
        from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

        return self._client(PredictionServiceClient)

    @cached_property
    def jobs(self) -> Any:
        """Custom jobs, and batch prediction."""
        from google.cloud.aiplatform_v1.services.job_service import JobServiceClient

        return self._client(JobServiceClient)

    @cached_property
    def pipelines(self) -> Any:
        """Pipelines."""
        from google.cloud.aiplatform_v1.services.pipeline_service import PipelineServiceClient

        return self._client(PipelineServiceClient)

    @cached_property
    def _operations(self) -> Any:
        """Operations of all services. The services' own clients would look under ``/ui/``, which nobody documents."""
        from google.api_core.operations_v1 import AbstractOperationsClient
        from google.api_core.operations_v1.transports.rest import OperationsRestTransport

        with speaking(self._of):
            transport = OperationsRestTransport(host=self._address, credentials=self.credentials)
        return AbstractOperationsClient(transport=transport)

    @cached_property
    def bucket(self) -> Any:
        """The bucket that models are uploaded to; that it is there is not asked."""
        from google.cloud import storage

        # Else the SDK asks for the bucket itself, for traces: in a thread of its own, again and again if need be, and
        # with a right (storage.buckets.get) that uploading does not take.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        client = storage.Client(
            project=self.settings.project,
            credentials=self.credentials,
            client_options={"api_endpoint": self._storage_address} if self._storage_address else None,
            extra_headers={"x-goog-request-reason": self.reason},
        )
        self._opened.append(client)
        return client.bucket(self.settings.bucket)

    def close(self) -> None:
        """Let go of connections."""
        for client in self._opened:
            close = getattr(client, "close", None) or client.transport.close
            close()
        self._opened.clear()

    def _client(self, kind: Any) -> Any:
        with speaking(self._of):
            transport = kind.get_transport_class("rest")(
                host=self._address, credentials=self.credentials, always_use_jwt_access=False
            )
        client = kind(transport=transport)
        self._opened.append(client)
        return client
