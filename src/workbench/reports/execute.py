"""Runs a template through papermill, and believes nothing that papermill says about the outcome.

papermill 2.7 saves a notebook whose kernel was killed as ``completed``, takes ``sys.exit(0)`` in a cell for success,
formats the *paths* it is given with ``str.format``, and changes the working directory of the whole process for its
``cwd``. Each is guarded here; what comes back is a notebook of which every cell ran to its end.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ReportError
from workbench.files import durable_file
from workbench.reports.diagnose import diagnose, warnings_of
from workbench.reports.parameters import Scalar
from workbench.reports.templates import Template, read_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["execute"]

log = logging.getLogger(__name__)


def execute(
    template: Template, parameters: Mapping[str, Scalar], *, folder: Path, partial: Path, timeout_seconds: float
) -> NotebookNode:
    """Run every cell of a template in a kernel of its own.

    Args:
        template: what to run.
        parameters: checked against the template's declarations.
        folder: a private folder; the kernel's working directory is ``folder/work``.
        partial: where the notebook goes, as far as it came, when it fails; an older one is removed when it does not.
        timeout_seconds: wall-clock seconds for the whole report.

    Returns:
        The notebook with its outputs.

    Raises:
        ReportError: a cell failed, the kernel died, or the time ran out. Names template, cell and exception.
    """
    output = folder / "executed.ipynb"
    cause, timed_out = _run(template, parameters, folder, output, timeout_seconds)
    notebook = read_notebook(output) if output.exists() else None
    problem = diagnose(notebook, cause, timeout_seconds if timed_out else None)
    if notebook is None or problem:
        if notebook is not None:
            with durable_file(partial) as staging:
                shutil.copyfile(output, staging)
        raise ReportError(
            problem or "the kernel did not start",
            where=f"report {template.name}",
            hint=f"open {partial if notebook is not None else template.path}",
        ) from cause
    partial.unlink(missing_ok=True)
    for warning in warnings_of(notebook):
        log.warning("report %s: %s", template.name, warning)
    return notebook


def _run(
    template: Template, parameters: Mapping[str, Scalar], folder: Path, output: Path, timeout_seconds: float
) -> tuple[Exception | None, bool]:
    """Let papermill run the template; the exception that ended it, and whether the time ran out."""
    import papermill

    from workbench.reports.kernel import report_kernel

    timed_out = False
    try:
        with report_kernel(folder, timeout_seconds) as kernel:
            try:
                papermill.execute_notebook(
                    _literal(template.path),
                    _literal(output),
                    parameters=dict(parameters),
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    start_timeout=max(1, int(timeout_seconds)),
                    km=kernel,
                )
            finally:
                timed_out = kernel.timed_out
    except Exception as error:  # noqa: BLE001 - papermill, nbclient, jupyter, zmq: all of it becomes a ReportError
        return error, timed_out
    return None, timed_out


def _literal(path: Path) -> str:
    """A path that ``str.format`` leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")
