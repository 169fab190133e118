"""What workers need and what is imported before they are forked: what their pipelines name, and no thread.

A module that a function imports is as much needed as one at the top of a file, so the files of the chosen pipelines are
read for both. What comes with our own modules only when they are used is listed in :data:`LATER`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from workbench.fingerprints.imports import imported, run_time
from workbench.kernels.preload import check_single_threaded, preload

__all__ = ["LATER", "bootstrap", "imports_of", "preload_for"]

_OF_ANY_MODEL = (
    "workbench.learning.calibration",
    "workbench.learning.devices",
    "workbench.learning.linear",
    "workbench.learning.networks.tabm",
    "workbench.learning.networks.undrawn",
    "workbench.learning.objectives",
    "workbench.learning.storage",
    "workbench.learning.tensors",
    "multiprocessing.resource_sharer",
    "safetensors.torch",
    "torch.utils._device",
)
"""Whatever kind of model is asked, its weights are tensors."""

LATER = {
    "workbench.fleet.worker": (
        "kedro.framework.cli.hooks.manager",
        "kedro.framework.session",
        "kedro.runner.sequential_runner",
        "encodings.ascii",
        "encodings.utf_8_sig",
        "tomli_w",
    ),
    "kedro.config": ("antlr4.LL1Analyzer", "fsspec.implementations.local", "omegaconf._impl"),
    "workbench.datasets": (
        "workbench.datasets.clients",
        "workbench.datasets.records",
        "workbench.datasets.sources",
        "workbench.datasets.tables",
    ),
    "workbench.engines.duckdb": (
        "duckdb",
        "ibis",
        "ibis.backends.duckdb.converter",
        "ibis.expr.types.groupby",
        "ibis.formats.pyarrow",
        "sqlglot.dialects.duckdb",
        "pyarrow.dataset",
    ),
    "workbench.hooks.ledger": ("workbench.registry.provenance",),
    "workbench.hooks.tracking": (
        "mlflow.store.tracking.sqlalchemy_store",
        "mlflow.store.tracking.sqlalchemy_workspace_store",
        "mlflow.tracing.export",
        "mlflow.tracing.processor.base_mlflow",
        "mlflow.tracing.utils.environment",
        "alembic.command",
        "alembic.config",
        "sqlalchemy.dialects.sqlite",
        "workbench.registry.runs",
        "workbench.registry.inputs",
        "workbench.registry.alias",
        "workbench.engines.refusing",
        "workbench.secrets.for_kedro",
        "pyarrow.parquet",
    ),
    # Trainings, which begin with the baselines: the optimisers of torch import its compiler.
    "workbench.learning.baselines": (
        *_OF_ANY_MODEL,
        "workbench.datasets.progress",
        "workbench.learning.boosting.fit",
        "workbench.learning.ensemble",
        "workbench.learning.loop",
        "workbench.learning.metrics",
        "workbench.learning.streaming.opening",
        "rich.progress",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "tabulate",
        "torch._dynamo",
        "workbench.registry.evidence",
    ),
    "workbench.learning.importance": _OF_ANY_MODEL,
    "workbench.registry.evidence": (
        "workbench.learning.metrics",
        "workbench.registry.plots",
        "matplotlib.backends.backend_svg",
        "matplotlib.figure",
        "mlflow.utils.search_logged_model_utils",
        "pyarrow.csv",
    ),
    # The champion that is asked.
    "workbench.registry.predictions": (
        *_OF_ANY_MODEL,
        "workbench.registry.flavor",
        "workbench.registry.models",
        "mlflow.store.model_registry.sqlalchemy_store",
        "mlflow.store.model_registry.sqlalchemy_workspace_store",
    ),
    "workbench.reports.render": (
        "workbench.nbformat",
        "workbench.reports.kernel",
        "workbench.kernels.client",
        "workbench.kernels.provisioner",
        "dateutil.rrule",
        "jsonschema",
        "nbclient",
        "nbconvert.exporters.html",
        "nbformat.validator",
        "nh3",
        "workbench.papermill",
        "pyarrow.csv",
        "workbench.reports.rehearsal:lay_out",
    ),
    "workbench.sources": (
        "workbench.sources.csv_source",
        "workbench.sources.fingerprint",
        "workbench.sources.parquet_source",
    ),
    "pandera.ibis": (
        "pandera.backends.ibis.register",
        "pandera.backends.ibis.builtin_checks",
        "pandera.backends.ibis.checks",
        "pandera.backends.ibis.container",
        "pandera.backends.ibis.components",
        "pandera.backends.pandas.error_formatters",
        "pandera.strategies.base_strategies",
    ),
}
"""Module to what it will import when it is used, and what is called of it; what is not installed is left out."""


def bootstrap(project: Path) -> None:
    """Have Kedro know the project; does nothing if it does, as in a worker that was forked."""
    from kedro.framework import project as kedro_project
    from kedro.framework.startup import bootstrap_project

    if kedro_project.PACKAGE_NAME is None:
        bootstrap_project(project)


def preload_for(project: Path, chosen: Collection[str]) -> list[str]:
    """Bootstrap Kedro, find its pipelines, and import what those that were chosen need.

    No client is looked at: Kedro's bootstrap reads ``pyproject.toml``, ``settings.py`` and the registry of pipelines.

    Raises:
        KernelError: something of it left a thread running that a fork would lose.
    """
    bootstrap(project)
    from kedro.framework.project import pipelines

    import workbench.fleet.worker  # noqa: F401 - what a fork runs

    found: list[str] = []
    for folder in _folders(node.func for name in chosen if name in pipelines for node in pipelines[name].nodes):
        found += preload(sorted(imports_of(folder)))
    asked: set[str] = set()
    while more := [late for name in LATER if name in sys.modules for late in LATER[name] if late not in asked]:
        asked.update(more)
        found += preload(more)
    check_single_threaded("settings.py, or the registry of pipelines,")
    return found


def imports_of(folder: Path) -> set[str]:
    """What the Python files of a folder import, wherever in the file; a name that is no module is left out later."""
    trees = (ast.parse(file.read_bytes()) for file in folder.rglob("*.py"))
    found = {name for tree in trees for name in imported(run_time(tree), "", "")}
    return {name for name in found if name and not name.startswith(".") and not name.endswith("*")}


def _folders(functions: Iterable[Any]) -> set[Path]:
    """Where the modules of these functions lie; a pipeline is a folder."""
    modules = {sys.modules.get(getattr(function, "__module__", None) or "") for function in functions}
    return {Path(module.__file__).parent for module in modules if module is not None and module.__file__}
