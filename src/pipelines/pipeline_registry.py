"""The pipelines by name, and the order of those that a client's tables go through."""

from __future__ import annotations

from importlib import import_module

from kedro.pipeline import Pipeline

ORDER = ("ingest", "prepare", "train", "evaluate", "register", "score", "report")
APART = ("monitor", "tune", "deploy")
"""Run by name only: `monitor` looks at what came since the champion was trained, and right after a training nothing
has; the others need what not every client has."""


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline, and ``__default__``: those of :data:`ORDER`, which Kedro orders by what each needs."""
    pipelines: dict[str, Pipeline] = {
        name: import_module(f"pipelines.{name}.pipeline").create_pipeline() for name in (*ORDER, *APART)
    }
    pipelines["__default__"] = sum((pipelines[name] for name in ORDER), Pipeline([]))
    return pipelines
