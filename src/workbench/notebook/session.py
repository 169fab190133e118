"""Opens a client for a person who is not in ``kedro run``: a notebook, a script, a prompt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import Client, ClientRegistry, env_of_client
from workbench.engines import connection, is_expression
from workbench.errors import ConfigurationError
from workbench.reports import HandedInputs, Inputs

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol

__all__ = ["Workspace", "forget_client", "log_plainly", "open_client", "project_here", "report_inputs"]


@dataclass(frozen=True)
class Workspace:
    """One client, opened.

    Attributes:
        client: the typed ``client.yml``.
        catalog: its datasets: ``catalog.load("features")``.
        context: Kedro's context: ``context.params``.
    """

    client: Client
    catalog: CatalogProtocol[Any, Any]
    context: KedroContext


def project_here() -> Path:
    """The project that the working directory lies in.

    Raises:
        ConfigurationError: it lies in none.
    """
    from kedro.utils import find_kedro_project

    found = find_kedro_project(Path.cwd())
    if found is None:
        raise ConfigurationError(
            f"{Path.cwd()} lies in no project", hint="change to the folder that holds pyproject.toml and conf/"
        )
    return Path(found)


def open_client(client_id: str, project: Path | None = None) -> Workspace:
    """Open a client's catalog, without running anything.

    Kedro's configuration, the engine's connection and its tables belong to the process: the client that was open before
    is closed, and what it handed out should not be used any more.

    Args:
        client_id: a registered client.
        project: the project; by default the one that the working directory lies in.

    Raises:
        UnknownClient: the client is not in the registry; nothing was loaded or closed.
    """
    project = project or project_here()
    client = ClientRegistry(project).load(client_id)
    log_plainly(project)
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    forget_client()
    bootstrap_project(project)
    context = KedroSession.create(project_path=project, env=env_of_client(client_id)).load_context()
    return Workspace(client, context.catalog, context)


def log_plainly(project: Path) -> None:
    """Have Kedro log as the project says, if it is not imported yet.

    Its default makes rich print a traceback as text, and what runs a notebook unattended (nbval) then takes a failed
    cell for a good one.
    """
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(project / "conf" / "logging.yml"))


def forget_client() -> None:
    """Close what the process holds of a client: tables of two clients can then not be joined by mistake."""
    if connection.cache_info().currsize:
        connection().disconnect()
        connection.cache_clear()


def report_inputs(client_id: str, folder: str) -> Inputs:
    """Where a report's template loads its data from.

    Args:
        client_id: whose report it is.
        folder: what the renderer handed over; empty in a template that a person opened, who then gets the catalog.
    """
    return HandedInputs(Path(folder)) if folder else _OpenedInputs(open_client(client_id).catalog)


class _OpenedInputs:
    """A client's catalog; tables come whole, as a renderer hands them over.

    What the pipeline ``report`` makes for its templates is in no file, so it is made here.
    """

    def __init__(self, catalog: CatalogProtocol[Any, Any]) -> None:
        self._catalog = catalog

    def load(self, name: str) -> Any:
        """The data of a dataset."""
        from kedro.framework.project import pipelines
        from kedro.runner import SequentialRunner

        report = pipelines["report"]
        if name not in report.all_outputs():
            data = self._catalog.load(name)
            return data.to_pyarrow() if is_expression(data) else data
        return SequentialRunner().run(report.to_outputs(name), self._catalog)[name].load()
