"""The project's own commands beside Kedro's; each is imported when it is called."""

from __future__ import annotations

import click
from kedro.framework.cli.utils import CONTEXT_SETTINGS, LazyGroup


@click.group(
    cls=LazyGroup,
    context_settings=CONTEXT_SETTINGS,
    lazy_subcommands={
        "client": "workbench.cli.client.client",
        "databricks": "workbench.cli.databricks.databricks",
        "deploy": "workbench.cli.deploy.deploy",
        "fleet": "workbench.cli.fleet.fleet",
        "jupyter": "workbench.cli.jupyter.jupyter",
        "mlflow": "workbench.cli.mlflow.mlflow",
        "notebook": "workbench.cli.notebook.notebook",
        "report": "workbench.cli.report.report",
        "run": "workbench.cli.run.run",
        "serve": "workbench.cli.serve.serve",
        "tune": "workbench.cli.tune.tune",
        "vertex": "workbench.cli.vertex.vertex",
    },
)
def cli() -> None:
    """Commands of the workbench."""
