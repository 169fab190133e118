"""An OpenTelemetry collector on loopback."""

from __future__ import annotations

import http.server
import threading
from typing import Any

__all__ = ["Collector"]


class Collector:
    """An OpenTelemetry collector: takes OTLP over HTTP, parsed by the protocol's own types."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
                    ExportTraceServiceRequest,
                    ExportTraceServiceResponse,
                )

                raw = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                for of_resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
                    names = {item.key: item.value.string_value for item in of_resource.resource.attributes}
                    collector.services.add(names["service.name"])
                    for scoped in of_resource.scope_spans:
                        collector.spans.extend(scoped.spans)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
