"""What Prometheus reads at ``/metrics``.

Of several workers, whichever is asked tells the sum: each keeps its numbers in files that all can read, as
prometheus_client does it (https://prometheus.github.io/client_python/multiprocess/). A function that is asked when
somebody looks is of no use there, so what changes by itself is written down ten times a second.
"""

from __future__ import annotations

import os
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
    """Counters of one server; they live in a registry of their own.

    Args:
        model: the model's name.
        folder: where those of all workers are; None: this is the only one.
    """

    def __init__(self, model: str, folder: str | None = None) -> None:
        self._folder = folder if folder is not None else os.environ.get("PROMETHEUS_MULTIPROC_DIR")
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
        summed, most, least = ({**own, "multiprocess_mode": f"live{mode}"} for mode in ("sum", "max", "min"))
        self._waiting = Gauge("waiting_rows", "Rows that wait for the model.", **summed)
        self._dropped = Gauge("log_dropped_rows", "Rows that the prediction log had no room for.", **summed)
        self._share = Gauge("traffic_share", "Percentage of the requests that a version gets.", by_version, **most)
        self._ready = Gauge("ready", "1 if the server takes requests.", **least)
        self._shares: dict[str, int] = {}
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._known: dict[Any, Any] = {}

    def watch(self, waiting: Callable[[], float], dropped: Callable[[], float], ready: Callable[[], float]) -> None:
        """Ask for these when somebody looks."""
        if self._folder is not None:
            self._watched = [(self._waiting, waiting), (self._dropped, dropped), (self._ready, ready)]
            return
        self._waiting.set_function(waiting)
        self._dropped.set_function(dropped)
        self._ready.set_function(ready)

    def refresh(self) -> None:
        """Write down for the other workers what changes by itself."""
        for gauge, value in self._watched:
            gauge.set(value())

    def shares(self, shares: dict[str, int]) -> None:
        """The split that is in force now."""
        if self._folder is not None and shares == self._shares:
            return
        gone: dict[str, int] = {}
        if self._folder is None:
            self._share.clear()
        else:  # what was written down for other workers stays there
            gone = dict.fromkeys(self._shares.keys() - shares.keys(), 0)
        for version, share in {**gone, **shares}.items():
            self._share.labels(self._model, version).set(share)
        self._shares = dict(shares)

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
        if self._folder is None:
            return generate_latest(self._registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        self.refresh()
        every = CollectorRegistry()
        MultiProcessCollector(every, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(every)

    def _of(self, metric: Any, *labels: str) -> Any:
        """A child; kept, since looking one up takes as long as all the rest."""
        key = (metric, *labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(self._model, *labels)
        return found
