"""``kedro jupyter``: Kedro's own commands; ``lab`` opens on the first exploration notebook."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.jupyter import jupyter as kedro_jupyter

__all__ = ["jupyter"]

FIRST_PAGE = "/lab/tree/notebooks/explore/01_first_look.ipynb"


def _lab() -> click.Command:
    command = copy.copy(kedro_jupyter.commands["lab"])
    start = command.callback

    def open_first_page(*metadata: Any, args: tuple[str, ...], **options: Any) -> Any:
        from workbench.kernels.spec import SHARE

        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(SHARE), os.environ.get("JUPYTER_PATH", ""))))
        # What a person gives comes later and wins; a folder or a notebook to open is such a thing.
        page = () if any(Path(word).exists() for word in args) else (f"--LabApp.default_url={FIRST_PAGE}",)
        return start(*metadata, args=(*page, *args), **options) if start else None

    command.callback = open_first_page
    command.help = "Open JupyterLab on notebooks/explore.\n\nExample: kedro jupyter lab --env clients/clinic"
    return command


jupyter = click.Group(
    "jupyter", commands={**kedro_jupyter.commands, "lab": _lab()}, help="Open notebooks with the project loaded."
)
