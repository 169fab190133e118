"""``kedro jupyter``: Kedro's own commands; ``lab`` opens with the project's settings, on warm kernels.

Kedro's ``lab`` would install a kernel into the person's home, and start each one cold.
"""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from typing import Any

import click
from kedro.framework.cli.jupyter import jupyter as kedro_jupyter

from workbench.cli.explain import explained, project_of

__all__ = ["jupyter"]


def _lab() -> click.Command:
    command = copy.copy(kedro_jupyter.commands["lab"])
    command.callback = click.pass_context(_open_lab)
    command.help = (
        "Open JupyterLab on notebooks/explore.\n\n"
        "Example: kedro jupyter lab --env clients/clinic\n\n"
        "What Jupyter takes goes to it: a notebook to open, --port, --no-browser."
    )
    return command


@explained
def _open_lab(ctx: click.Context, *, env: str | None, args: tuple[str, ...], **_: Any) -> None:
    from workbench.clients import ClientRegistry, client_of_env
    from workbench.kernels.process import shared_zygote
    from workbench.notebook.lab import arguments, environment, warm_up

    project = project_of(ctx).resolve()
    client = client_of_env(env)
    if client is not None:
        ClientRegistry(project).load(client)
    with shared_zygote() as zygote:
        command = [sys.executable, "-m", "jupyter", "lab", *arguments(project, args)]
        with subprocess.Popen(command, cwd=project, env=environment(project, env, os.environ)) as server:
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            warm_up(zygote.address)
            ctx.exit(_wait(server))


def _wait(server: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            continue  # the server has heard it too, and asks whether it was meant


jupyter = click.Group(
    "jupyter", commands={**kedro_jupyter.commands, "lab": _lab()}, help="Open notebooks with the project loaded."
)
