"""The kernelspec of warm kernels: for JupyterLab as a file, for reports as an object."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from traitlets import Bool

from workbench.kernels.provisioner import NAME

__all__ = ["SHARE", "OneKernel"]

SHARE = Path(__file__).with_name("share") / "jupyter"
"""A folder for ``JUPYTER_PATH``; holds the kernelspec ``workbench_warm``."""

_UNATTENDED = [
    "--HistoryManager.enabled=False",
    "--ScriptMagics.script_magics=bash",
    "--IPythonKernel._execute_sleep=0",
]
"""Nobody will ask for the history of a notebook that ran by itself; of IPython's cell magics for eight interpreters it
has ``%%bash``, and ``%%script`` for any other; and it need not wait half a millisecond after each cell for its outputs
to arrive before its answer, since nbclient waits for both."""


class OneKernel(KernelSpecManager):
    """Knows one kernel, whatever it is asked for: this Python's, warm or cold; nothing that the user has installed."""

    warm = Bool(False, help="Fork it, or start it?")

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec."""
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", *_UNATTENDED],
            display_name="Workbench",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": NAME}} if self.warm else {},
        )
