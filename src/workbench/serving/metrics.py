"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from workbench.serving.versions import Version

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Metrics:
    """Counters of one server; they live in a registry of their own."""

    def __init__(self, model: str) -> None:
        self._registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self._registry, "namespace": "workbench_serving"}
        by_version = ("model", "version")
        self._model = model
        self._requests = Counter("requests", "Requests.", ("model", "version", "route", "status"), **own)
        self._seconds = Histogram(
            "request_seconds", "From the head of a request to its answer.", by_version, buckets=_SECONDS, **own
        )
        self._batch_rows = Histogram("batch_rows", "Rows of a batch.", by_version, buckets=_ROWS, **own)
        self._batch_seconds = Histogram("batch_seconds", "Time of a batch.", by_version, buckets=_SECONDS, **own)
        self._rows = Counter("predicted_rows", "Rows that were predicted.", by_version, **own)
        self._unknown = Counter("unknown_categories", "Categories that the model has not learned.", by_version, **own)
        self._refused = Counter("refused", "Requests that were refused, by reason.", ("model", "reason"), **own)
        self._waiting = Gauge("waiting_rows", "Rows that wait for the model.", **own)
        self._dropped = Gauge("log_dropped_rows", "Rows that the prediction log had no room for.", **own)
        self._share = Gauge("traffic_share", "Percentage of the requests that a version gets.", by_version, **own)
        self._ready = Gauge("ready", "1 if the server takes requests.", **own)
        self._known: dict[Any, Any] = {}

    def watch(self, waiting: Callable[[], float], dropped: Callable[[], float], ready: Callable[[], float]) -> None:
        """Ask for these when somebody looks."""
        self._waiting.set_function(waiting)
        self._dropped.set_function(dropped)
        self._ready.set_function(ready)

    def shares(self, shares: dict[str, int]) -> None:
        """The split that is in force now."""
        self._share.clear()
        for version, share in shares.items():
            self._share.labels(self._model, version).set(share)

    def request(self, route: str, status: int, version: str, seconds: float) -> None:
        """A request was answered."""
        self._of(self._requests, version, route, str(status)).inc()
        self._of(self._seconds, version).observe(seconds)

    def refused(self, reason: str) -> None:
        """A request was refused."""
        self._of(self._refused, reason).inc()

    def unknown(self, version: str, count: int) -> None:
        """So many categories were unknown."""
        self._of(self._unknown, version).inc(count)

    def batch(self, version: Version, requests: int, rows: int, seconds: float) -> None:
        """A batch was computed."""
        self._of(self._batch_rows, version.name).observe(rows)
        self._of(self._batch_seconds, version.name).observe(seconds)
        self._of(self._rows, version.name).inc(rows)

    def exposed(self) -> bytes:
        """As text."""
        return generate_latest(self._registry)

    def _of(self, metric: Any, *labels: str) -> Any:
        """A child; kept, since looking one up takes as long as all the rest."""
        key = (metric, *labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(self._model, *labels)
        return found
