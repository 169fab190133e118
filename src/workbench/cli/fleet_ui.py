"""``kedro fleet ui``: the fleet as a page in the browser."""

from __future__ import annotations

import json
import signal
import threading

import click

from workbench.cli.explain import project_of

__all__ = ["ui"]


@click.command("ui")
@click.option("--port", type=click.IntRange(0, 65535), default=4242, show_default=True, help="Port; 0 for a free one.")
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@click.option("--mlflow", default="http://127.0.0.1:5000", show_default=True, help="Where `kedro mlflow ui` runs.")
@click.option("--viz", default="http://127.0.0.1:4141", show_default=True, help="Where `kedro viz run` runs.")
@click.option("--json", "as_json", is_flag=True, help="Print what the page says as JSON, and serve nothing.")
@click.pass_context
def ui(ctx: click.Context, *, port: int, no_open: bool, mlflow: str, viz: str, as_json: bool) -> None:
    """Show the fleet on a page of this machine, until Ctrl-C: states, durations, trends, reports.

    The page changes nothing, and nobody else can reach it. Runs link to MLflow, and pipelines to Kedro-Viz, where
    those are up.

    Example: kedro fleet ui --port 4243 --no-open
    """
    from kedro.framework.project import pipelines

    from workbench.ui.neighbours import Neighbours
    from workbench.ui.server import FleetPages, serve

    project = project_of(ctx).resolve()
    pages = FleetPages(project, list(pipelines), Neighbours(project, mlflow=mlflow, viz=viz))
    if as_json:
        click.echo(json.dumps(pages.overview().to_dict(), indent=2))
        return
    with serve(pages, port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        pages.answer("/")  # the first one reads every client's file
        click.echo(f"The fleet: {address}  Ctrl-C ends it.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if not no_open:
            threading.Timer(0.2, click.launch, [address]).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("")
