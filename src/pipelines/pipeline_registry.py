"""The pipelines by name, and the order of them all."""

from __future__ import annotations

from importlib import import_module

from kedro.pipeline import Pipeline

ORDER = ("ingest", "prepare", "train", "evaluate", "register", "score", "report")


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline, and ``__default__``: all of them, which Kedro orders by what each needs."""
    pipelines: dict[str, Pipeline] = {
        name: import_module(f"pipelines.{name}.pipeline").create_pipeline() for name in ORDER
    }
    pipelines["__default__"] = sum(pipelines.values(), Pipeline([]))
    return pipelines
