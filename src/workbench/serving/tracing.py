"""OpenTelemetry: a span a request, below the caller's own (W3C ``traceparent``), and one for its prediction.

Where ``OTEL_EXPORTER_OTLP_ENDPOINT`` or ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` names a collector, spans go there by
OTLP over HTTP, a batch at a time, from a thread; else nothing of this is imported. Sampling and resource are what the
specification's other variables say (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
Names of spans and attributes: semantic conventions for HTTP spans. No span holds a value of a request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["Tracing", "open_tracing"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def open_tracing(model: str, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """The tracer, if the environment names a collector."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(environ.get(name) for name in _ENDPOINTS):
        return None
    return Tracing(model)


class Tracing:
    """Makes spans, and sends them."""

    def __init__(self, model: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        name = os.environ.get("OTEL_SERVICE_NAME", f"workbench-serving-{model}")
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("workbench.serving")
        self._propagator = TraceContextTextMapPropagator()
        self._model = model

    def request(self, method: str, route: str, headers: Mapping[bytes, bytes]) -> Traced:
        """Begin a request's span."""
        from opentelemetry.trace import SpanKind

        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        span = self._tracer.start_span(
            f"{method} {route}",
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route, "workbench.model": self._model},
        )
        return Traced(self._tracer, span)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


class Traced:
    """One request's span."""

    def __init__(self, tracer: Any, span: Any) -> None:
        self._tracer, self._span = tracer, span
        self._child: Any = None

    def predict(self, version: str, rows: int) -> Self:
        """From here until the block ends, rows wait for the model and pass through it."""
        from opentelemetry.trace import set_span_in_context

        attributes = {"workbench.model_version": version, "workbench.rows": rows}
        self._span.set_attribute("workbench.model_version", version)
        self._child = self._tracer.start_span("predict", context=set_span_in_context(self._span), attributes=attributes)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.end()

    def end(self, status: int) -> None:
        """The answer has gone."""
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
