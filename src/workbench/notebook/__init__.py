"""What notebooks are written with: one client's catalog in one line.

In a notebook, ``%load_ext workbench.notebook`` once, then ``%client clinic``; ``kedro jupyter lab`` loads it by itself.
In a template of a report, and in plain Python, :func:`open_client`, :func:`report_inputs` and :func:`fleet_inputs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.notebook.fleet import fleet_inputs
from workbench.notebook.session import Workspace, open_client, report_inputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "Workspace",
    "fleet_inputs",
    "load_ipython_extension",
    "open_client",
    "report_inputs",
    "unload_ipython_extension",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%client``, and Kedro's own ``%reload_kedro`` and ``%load_node``. IPython looks for this name."""
    from workbench.notebook.magic import register

    register(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take ``%client`` away. IPython looks for this name."""
    shell.magics_manager.magics["line"].pop("client", None)
