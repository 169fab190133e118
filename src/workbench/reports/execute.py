"""Runs a template through papermill, and believes nothing that papermill says about the outcome.

papermill 2.7 saves a notebook whose kernel was killed as ``completed``, takes ``sys.exit(0)`` in a cell for success,
formats the *paths* it is given with ``str.format``, and changes the working directory of the whole process for its
``cwd``. Each is guarded here; what comes back is a notebook of which every cell ran to its end.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import KernelLost, ReportError, StorageError
from workbench.files import write_text
from workbench.reports.diagnose import diagnose, has_begun, warnings_of
from workbench.reports.parameters import Scalar
from workbench.reports.templates import Template, read_notebook
from workbench.secrets.redaction import Secrets

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Limits", "execute"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a report may take.

    Attributes:
        seconds: wall-clock, for the whole report.
        cell_seconds: wall-clock, for one cell; None: only the whole counts.
        memory_mb: beyond what a kernel starts with; None: what the machine has.
        retries: how often it is tried again, later each time, if a kernel dies before its first cell.
    """

    seconds: float
    cell_seconds: float | None = None
    memory_mb: int | None = None
    retries: int = 0


def execute(
    template: Template,
    parameters: Mapping[str, Scalar],
    *,
    folder: Path,
    partial: Path,
    limits: Limits,
    secrets: Secrets,
) -> NotebookNode:
    """Run every cell of a template in a kernel of its own.

    Args:
        template: what to run.
        parameters: checked against the template's declarations.
        folder: a private folder; the kernel's working directory is ``folder/work``.
        partial: where the notebook goes, as far as it came, when it fails; an older one is removed when it does not.
        limits: of time and memory.
        secrets: what is taken out of a notebook that is kept.

    Returns:
        The notebook with its outputs.

    Raises:
        KernelLost: the kernel died before its first cell; another one may not.
        ReportError: a cell failed, the kernel died, or the time ran out. Names template, cell and exception.
    """
    output = folder / "executed.ipynb"
    cause, timed_out = _run(template, parameters, folder, output, limits)
    notebook = read_notebook(output) if output.exists() else None
    problem = diagnose(notebook, cause, limits.seconds if timed_out else None, limits.cell_seconds)
    if notebook is None or problem:
        kept = notebook is not None and _kept(secrets.scrubbed(output.read_text(encoding="utf-8")), partial)
        lost = not timed_out and (notebook is None or not has_begun(notebook))
        raise (KernelLost if lost else ReportError)(
            secrets.scrubbed(problem or "the kernel did not start"),
            where=f"report {template.name}",
            hint=f"open {partial if kept else template.path}",
        ) from cause
    partial.unlink(missing_ok=True)
    for warning in warnings_of(notebook):
        log.warning("report %s: %s", template.name, warning)
    return notebook


def _run(
    template: Template, parameters: Mapping[str, Scalar], folder: Path, output: Path, limits: Limits
) -> tuple[Exception | None, bool]:
    """Let papermill run the template; the exception that ended it, and whether the time ran out."""
    from workbench.papermill import papermill
    from workbench.reports.engine import ENGINE
    from workbench.reports.kernel import report_kernel

    timed_out = False
    try:
        with report_kernel(folder, limits.seconds, limits.memory_mb) as kernel:
            try:
                papermill.execute_notebook(
                    _literal(template.path),
                    _literal(output),
                    parameters=dict(parameters),
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    engine_name=ENGINE,
                    start_timeout=max(1, int(limits.seconds)),
                    execution_timeout=math.ceil(limits.cell_seconds) if limits.cell_seconds else None,
                    km=kernel,
                )
            finally:
                timed_out = kernel.timed_out
    except Exception as error:  # noqa: BLE001 - papermill, nbclient, jupyter, zmq: all of it becomes a ReportError
        return error, timed_out
    return None, timed_out


def _kept(notebook: str, partial: Path) -> bool:
    """Keep what is left of a report; a disk that takes it not must not hide why the report failed."""
    try:
        write_text(partial, notebook)
    except (OSError, StorageError) as error:
        log.warning("the notebook that failed is not kept: %s", error)
        return False
    return True


def _literal(path: Path) -> str:
    """A path that ``str.format`` leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")
