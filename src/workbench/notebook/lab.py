"""How JupyterLab is started for this project: with its settings, its kernel, and a page to begin on.

All of it goes by the environment and the command line of one server. Nothing is written into a person's home or into
the virtual environment, and what a person has set in JupyterLab, or gives on the command line, wins.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from workbench.kernels.spec import SHARE

__all__ = ["FIRST_PAGE", "KERNEL", "SETTINGS", "arguments", "environment", "warm_up"]

KERNEL = "workbench_warm"
"""The kernelspec that new notebooks get; see ``workbench.kernels``."""
FIRST_PAGE = "/lab/tree/notebooks/explore/01_first_look.ipynb"
SETTINGS = Path("conf", "jupyter")
"""A folder for ``JUPYTER_CONFIG_PATH``, relative to the project: JupyterLab's defaults for everybody here."""


def environment(project: Path, env: str | None, before: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server.

    Args:
        project: the project's folder.
        env: Kedro's environment, such as ``clients/clinic``, which the kernels open.
        before: the environment that this process has; it stays, and what it names comes later.
    """
    return dict(before) | {
        "JUPYTER_PATH": _joined(SHARE, before.get("JUPYTER_PATH")),
        "JUPYTER_CONFIG_PATH": _joined(project / SETTINGS, before.get("JUPYTER_CONFIG_PATH")),
        # The frozen modules of this Python have no source to step into; the debugger would say so in each kernel.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **({"KEDRO_ENV": env} if env else {}),
    }


def arguments(project: Path, given: Sequence[str]) -> list[str]:
    """The command line of ``jupyter lab``; what a person gives comes later, and wins.

    A notebook of the project opens as a page of it: Jupyter by itself would take its folder for the whole project.
    Without one, the first exploration notebook opens.
    """
    page = FIRST_PAGE
    kept = []
    for word in given:
        path = Path(word).resolve()
        if not word.startswith("-") and path.is_file() and path.is_relative_to(project):
            page = f"/lab/tree/{quote(path.relative_to(project).as_posix())}"
        else:
            kept.append(word)
    opened = [] if any(Path(word).is_dir() for word in kept) else [f"--LabApp.default_url={page}"]
    # Extensions are pinned with the rest; the manager would ask an index for others.
    settings = [f"--MultiKernelManager.default_kernel_name={KERNEL}", "--LabApp.extension_manager=readonly"]
    return [*settings, *opened, *kept]


def warm_up(address: str) -> None:
    """Have a zygote import now, while the server starts, rather than when the first notebook waits for its kernel."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.connect(address)


def _joined(first: Path, before: str | None) -> str:
    return os.pathsep.join(filter(None, (str(first), before)))
