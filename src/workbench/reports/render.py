"""From a template and its inputs to one HTML file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.clients import Client
from workbench.errors import ConfigurationError
from workbench.reports.inputs import hand_over
from workbench.reports.parameters import bind
from workbench.reports.templates import find_template

__all__ = ["FAILED", "render"]

FAILED = ".failed"
"""Folder beside a client's reports that keeps the notebook of a failed one, for the operator."""

RESERVED = ("client", "inputs")
"""Parameters that are filled in here: whose report it is, and where the notebook finds what it shows."""


def render(
    project: Path,
    template: str,
    *,
    client: Client,
    inputs: Mapping[str, Any],
    timeout_seconds: float,
    parameters: Mapping[str, object] | None = None,
) -> str:
    """Run a template for a client and turn the result into a page. Writes nothing but the notebook of a failed run.

    Args:
        project: the folder that holds ``notebooks/reports``.
        template: the name of a notebook in there.
        client: whose report it is.
        inputs: what the notebook loads by name; see :func:`hand_over`.
        timeout_seconds: wall-clock seconds for the notebook.
        parameters: of those that the template declares, the ones that are to differ from their default.

    Returns:
        The HTML file's text.

    Raises:
        ConfigurationError: no such template, no such parameter, or a value of another type; no kernel was started.
        ReportError: the notebook failed; the last good report is untouched.
    """
    found = find_template(project, template)
    where = f"client {client.id}, report {template}"
    for name in RESERVED:
        if name in (parameters or {}):
            raise ConfigurationError(f"parameter '{name}' is filled in by the report itself", where=where)

    from workbench.reports.execute import execute
    from workbench.reports.page import Heading, page

    # 0700 by mkdtemp; the kernel's working folder, sockets and notebook lie in it, and go with it.
    with tempfile.TemporaryDirectory(prefix="workbench-report-") as temporary:
        folder = Path(temporary)
        handed = folder / "inputs"
        handed.mkdir()
        hand_over({"client": client, **inputs}, handed)
        filled = dict(zip(RESERVED, (client.id, str(handed)), strict=True))
        declared = {name: value for name, value in filled.items() if name in found.parameters}
        bound = bind(found.parameters, {**(parameters or {}), **declared}, where=where)
        notebook = execute(
            found,
            bound,
            folder=folder,
            partial=project / "data" / client.id / "08_reporting" / FAILED / f"{template}.ipynb",
            timeout_seconds=timeout_seconds,
        )
    made = f"Made {datetime.now(UTC):%d %B %Y, %H:%M} UTC"
    return page(notebook, Heading(client.title, found.title, (made, f"Questions to {client.owner}")))
