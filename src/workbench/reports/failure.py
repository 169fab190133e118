"""The page that an operator gets when a report failed; it never takes the place of the last good report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.files import write_text
from workbench.reports.html import Html, callout, facts, joined, paragraph, steps, tag
from workbench.reports.locale import moment
from workbench.reports.page import Heading, shell
from workbench.secrets.redaction import Secrets

if TYPE_CHECKING:
    from workbench.reports.templates import Template

__all__ = ["write_failure"]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
LAST_LINES = 40


def write_failure(
    target: Path, error: WorkbenchError, *, template: Template, client_id: str | None, good: Path, secrets: Secrets
) -> None:
    """Write the page: what failed and where, what the cells said, and what to do.

    Args:
        target: the page; the partial notebook, if there is one, lies beside it under the same name.
        error: why the report failed.
        template: which one.
        client_id: whose; None: the fleet's.
        good: where the last good report lies, if there is one.
        secrets: what may not be on the page.
    """
    notebook = target.with_suffix(".ipynb")
    who = client_id or "the whole fleet"
    last = _moment(good.stat().st_mtime) if good.exists() else "there is none yet"
    header = callout("bad", "This report was not made", paragraph(error.what))
    about = facts(
        {
            "Report": f"{template.title} ({template.name})",
            "For": who,
            "Error": error.what,
            "Where": error.where,
            "Last good report": f"{good}: {last}; it is untouched",
        }
    )
    parts = (
        ("what", "What failed", about),
        ("log", "What the cells said", _log(notebook)),
        ("next", "What to do", _next(template, client_id, notebook, error)),
    )
    notes = (f"Failed {_moment(datetime.now(UTC).timestamp())}", "For the operator only")
    sections = [(slug, title, joined(tag("h2", title), content)) for slug, title, content in parts]
    page = shell(Heading(who, f"Failed: {template.title}", notes), header, sections)
    write_text(target, secrets.scrubbed(page))


def _moment(seconds: float) -> str:
    return f"{moment(datetime.fromtimestamp(seconds, UTC))} UTC"


def _log(notebook: Path) -> Html:
    """The traceback, and the last lines that went to standard output and error."""
    if not notebook.exists():
        return paragraph("The kernel came to no cell.")
    from workbench.reports.templates import read_notebook

    lines: list[str] = []
    for cell in read_notebook(notebook).cells:
        for output in cell.get("outputs", []):
            lines += _said(output)
    if not lines:
        return paragraph("Nothing.")
    return tag("pre", "\n".join(lines[-LAST_LINES:]))


def _said(output: Any) -> list[str]:
    if output.output_type == "error":
        return _ANSI.sub("", "\n".join(output.traceback)).splitlines()
    return output.text.splitlines() if output.output_type == "stream" else []


def _next(template: Template, client_id: str | None, notebook: Path, error: WorkbenchError) -> Html:
    again = f"kedro report run {template.name}" + (f" --clients {client_id}" if client_id else "")
    found = []
    if notebook.exists():
        found.append(("Open the notebook as far as it came", "The cell that failed is marked in it.", str(notebook)))
    elif error.hint:
        found.append(("Begin here", "", error.hint))
    found += [
        ("Correct the data or the template", "The template can be run by hand in JupyterLab.", str(template.path)),
        ("Render it again", "This page goes when it succeeds.", again),
    ]
    return steps(found)
