"""A file for Airflow 3 with one DAG: the pipelines in order, mapped over the clients."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.export.fleet.options import FleetOptions
from workbench.export.python_file import filled
from workbench.fleet.plan import Cell

__all__ = ["as_airflow", "dag_id"]

TEMPLATE = Path(__file__).with_name("airflow_dag.py.txt")
LONGEST_ID = 200


def as_airflow(cells: Sequence[Cell], options: FleetOptions) -> Mapping[str, str]:
    """The DAG file. It imports nothing of the project, and names reach a run as arguments, through no shell."""
    pipelines = list(dict.fromkeys(cell.pipeline for cell in cells))
    name = dag_id(pipelines)
    steps = zip(pipelines, _tasks(pipelines), strict=True)
    kubernetes = {"image": options.image, "cpu": str(options.cpu), "memory": options.memory}
    facts = {
        "dag_id": name,
        "project": options.project,
        "kedro": options.kedro,
        "container": {"engine": options.engine, "image": options.image} if options.in_container else None,
        "known": sorted({*options.known, *(cell.client for cell in cells)}),
        "clients": list(dict.fromkeys(cell.client for cell in cells)),
        "pipelines": [{"name": pipeline, "task": task} for pipeline, task in steps],
        "pool": options.pool,
        "environment": options.environment,
        "queue": options.queue if options.executor == "celery" else None,
        "pod": kubernetes if options.executor == "kubernetes" else None,
        "workers": options.workers,
        "retries": options.retries,
        "timeout_minutes": options.timeout_minutes,
        "threads": options.cpu,
    }
    return {f"{name}.py": filled(TEMPLATE, "FLEET", facts)}


def dag_id(pipelines: Sequence[str]) -> str:
    """``workbench__fleet__ingest__prepare``; distinct for distinct lists of pipelines."""
    words = [_word(pipeline) for pipeline in pipelines]
    name = "__".join(["workbench", "fleet", *words])
    is_plain = all(re.fullmatch(r"(?!default$)[a-z0-9]+(_[a-z0-9]+)*|__default__", pipeline) for pipeline in pipelines)
    if is_plain and len(name) <= LONGEST_ID:
        return name
    return f"{name[: LONGEST_ID - 9]}_{hashlib.sha256('+'.join(pipelines).encode()).hexdigest()[:8]}"


def _tasks(pipelines: Sequence[str]) -> list[str]:
    words = [_word(pipeline) for pipeline in pipelines]
    return [word if words.count(word) == 1 else f"{word}_{place}" for place, word in enumerate(words, 1)]


def _word(pipeline: str) -> str:
    """What an id of Airflow may hold."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", pipeline).strip("_") or "pipeline"
