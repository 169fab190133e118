"""``kedro mlflow ui|champions``: the registry, in a browser and in the terminal. MLflow is imported when called."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError

__all__ = ["mlflow"]


@click.group(cls=ExplainedGroup)
def mlflow() -> None:
    """Runs, models and champions."""


@mlflow.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.pass_context
def ui(ctx: click.Context, *, host: str, port: int) -> None:
    """Open MLflow's pages on the project's store, until Ctrl-C.

    Example: kedro mlflow ui --port 5001
    """
    from workbench.registry import local_store
    from workbench.registry.store import quiet, tracking_uri
    from workbench.secrets.redaction import redact_text

    project = project_of(ctx).resolve()
    uri = tracking_uri(project)
    if uri.startswith(("http:", "https:", "databricks")):
        click.echo(f"The store is a server already: {redact_text(uri)}")
        return
    _refuse_taken(host, port)
    if host not in {"127.0.0.1", "localhost", "::1"}:
        click.secho(f"Whoever reaches {host}:{port} can change models: MLflow asks nobody for a password.", fg="yellow")
    quiet()
    if uri == local_store.uri(project):
        local_store.prepare(project)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"MLflow on {redact_text(uri)}; it is up in some seconds, until Ctrl-C")
    click.echo(f"  runs    http://{shown}:{port}/#/experiments\n  models  http://{shown}:{port}/#/models")
    ctx.exit(_serve(uri, local_store.artifacts(project), host, port))


def _serve(uri: str, artifacts: Path, host: str, port: int) -> int:
    """Run MLflow's server as a child; the store's address goes by the environment, since it may hold a password."""
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(artifacts),
        # Jobs (scorers of language models) would start processes of their own.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Else there is a line for every image of every page.
        "MLFLOW_UVICORN_OPTS": os.environ.get("MLFLOW_UVICORN_OPTS", "--log-level warning"),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    # A session of its own, so that all of its processes can be ended together, also when this one is.
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return server.wait()
        except KeyboardInterrupt:
            os.killpg(server.pid, signal.SIGTERM)
            return 0


def _refuse_taken(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror})",
            hint=f"`kedro mlflow ui --port {min(port + 1, 65535)}`",
        ) from error


@mlflow.command("champions")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def champions(ctx: click.Context, *, as_json: bool) -> None:
    """Name each client's champion, and why it is that; and that of its tuned language model, if it has one.

    Example: kedro mlflow champions --json
    """
    from workbench.registry.models import standings, tuned_standings
    from workbench.registry.store import open_store

    project = project_of(ctx)
    store, clients = open_store(project), ClientRegistry(project).ids()
    rows = [*standings(store, clients), *tuned_standings(store, clients)]
    rows.sort(key=lambda row: clients.index(row["client"]))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "champion", "metric", "registered", "reasons", box=None, header_style="bold")
    for row in rows:
        registered = (row["registered"] or "")[:16].replace("T", " ")
        again = f"to be trained again: {row['retrain']}" if row["retrain"] else None
        table.add_row(row["model"], *map(_cell, (row["version"], row["metric"], registered, again or row["reasons"])))
    Console().print(table)


def _cell(value: Any) -> str:
    return str(value) if value else "—"
