"""From a template and its inputs to one HTML file."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import Client
from workbench.clients.reporting import SLOT
from workbench.errors import ConfigurationError, KernelLost, ReportError, StorageError
from workbench.files import sha256_of_file
from workbench.reports.execute import Limits, execute
from workbench.reports.failure import write_failure
from workbench.reports.inputs import hand_over
from workbench.reports.locale import moment, noted, say
from workbench.reports.look import look_of
from workbench.reports.page import Heading, page
from workbench.reports.parameters import Scalar, bind
from workbench.reports.templates import Template, find_template
from workbench.scratch import private_folder
from workbench.secrets.redaction import Secrets, known_secrets

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["FAILED", "RESERVED", "Rendered", "render", "reporting_folder"]

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 1.0
"""Before a report is tried again; twice as long before each further time."""

FAILED = ".failed"
"""Folder beside a client's reports that keeps what is left of a failed one, for the operator: a page, a notebook."""

FLEET = noted("All clients")
"""What stands where a client's title would."""

RESERVED = ("client", "inputs")
"""Parameters that are filled in here: whose report it is, and where the notebook finds what it shows."""


def reporting_folder(project: Path, client_id: str | None) -> Path:
    """Where a client's reports lie; those on the whole fleet lie with this machine's state, where no client looks."""
    return project / "data" / client_id / "08_reporting" if client_id else project / ".workbench" / "reports"


@dataclass(frozen=True)
class Rendered:
    """A report.

    Attributes:
        html: the file's text.
        about: what it was made by, and when: ``client``, ``template``, ``template_digest`` (sha256 of the notebook),
            ``parameters`` that were given, ``made`` (ISO 8601, UTC), ``slot`` (of a schedule; None: by hand).
    """

    html: str
    about: dict[str, Any]


def render(
    project: Path,
    template: str,
    *,
    client: Client | None,
    inputs: Mapping[str, Any],
    limits: Limits,
    parameters: Mapping[str, object] | None = None,
) -> Rendered:
    """Run a template for a client and turn the result into a page. Writes nothing but what is left of a failed run.

    Args:
        project: the folder that holds ``notebooks/reports``.
        template: the name of a notebook in there.
        client: whose report it is; None: the operator's own, on the whole fleet.
        inputs: what the notebook loads by name; see :func:`hand_over`.
        limits: of time, memory and patience.
        parameters: of those that the template declares, the ones that are to differ from their default.

    Raises:
        ConfigurationError: no such template, no such parameter, or a value of another type; no kernel was started.
        KernelLost: no kernel lived long enough to begin.
        ReportError: the notebook failed, or a secret would have been in the report; the last good one is untouched.
    """
    found = find_template(project, template)
    client_id = client.id if client else None
    where = f"client {client_id}, report {template}" if client else f"report {template}"
    for name in RESERVED:
        if name in (parameters or {}):
            raise ConfigurationError(f"parameter '{name}' is filled in by the report itself", where=where)
    bound = bind(found.parameters, parameters or {}, where=where)
    about: dict[str, Any] = {
        "client": client_id,
        "template": template,
        "template_digest": sha256_of_file(found.path),
        "parameters": dict(bound),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "slot": os.environ.get(SLOT),
    }
    folder, secrets = reporting_folder(project, client_id), known_secrets()
    left = folder / FAILED / f"{template}.html"
    try:
        html = _page(_Task(project, found, client, inputs, bound, limits, left, secrets), about["made"], where)
    except (ReportError, KernelLost) as error:
        good = folder / f"{template}.html"
        with suppress(OSError, StorageError):  # a full disk would hide why the report failed
            write_failure(left, error, template=found, client_id=client_id, good=good, secrets=secrets)
        raise
    left.unlink(missing_ok=True)
    return Rendered(html, about)


@dataclass(frozen=True)
class _Task:
    """What is to be rendered: everything was checked, nothing was started."""

    project: Path
    template: Template
    client: Client | None
    inputs: Mapping[str, Any]
    parameters: Mapping[str, Scalar]
    limits: Limits
    left: Path
    secrets: Secrets


def _page(task: _Task, made: str, where: str) -> str:
    """The page; a secret in what it is made from, or on it, is refused."""
    client, look = task.client, look_of(task.project, task.client)
    for name, value in {"parameters": dict(task.parameters), **task.inputs}.items():
        text = json.dumps(value, default=str)
        _refuse_secret(task.secrets, text, f"'{name}', which the report is made from", where)
    notebook = _executed(task)
    when = moment(datetime.fromisoformat(made), locale=look.locale)
    notes = (
        say("Made {moment} UTC", moment=when, in_locale=look.locale),
        say("Questions to {owner}", owner=client.owner, in_locale=look.locale)
        if client
        else say("For the operator only: it names all clients", in_locale=look.locale),
    )
    title = say(task.template.title, in_locale=look.locale)
    html = page(notebook, Heading(client.title if client else say(FLEET), title, notes, look))
    _refuse_secret(task.secrets, html, "the page", where)
    return html


def _executed(task: _Task) -> NotebookNode:
    """Run in a private folder; again, after a while, if the kernel did not begin."""
    for attempt in range(task.limits.retries + 1):
        # 0700 by mkdtemp; the kernel's working folder, sockets and notebook lie in it, and go with it.
        with private_folder("report") as scratch:
            try:
                return execute(
                    task.template,
                    {**task.parameters, **_handed(task, Path(scratch))},
                    folder=Path(scratch),
                    partial=task.left.with_suffix(".ipynb"),
                    limits=task.limits,
                    secrets=task.secrets,
                )
            except KernelLost as error:
                if attempt == task.limits.retries:
                    raise
                log.warning("%s; it is tried again", error)
        # Several reports that lost their kernels at once shall not all come back at once.
        time.sleep(FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    raise AssertionError  # the last attempt returned or raised


def _handed(task: _Task, scratch: Path) -> dict[str, Scalar]:
    """Lay out what the notebook loads, and the parameters that say where."""
    folder = scratch / "inputs"
    folder.mkdir()
    client = task.client
    hand_over({"client": client, **task.inputs} if client else task.inputs, folder)
    filled = dict(zip(RESERVED, (client.id if client else "", str(folder)), strict=True))
    return {name: value for name, value in filled.items() if name in task.template.parameters}


def _refuse_secret(secrets: Secrets, text: str, what: str, where: str) -> None:
    found = secrets.found_in(text)
    if found is None:
        return
    name, at = found
    headings = re.findall(r"<h2>(.*?)</h2>", text[:at], flags=re.DOTALL)
    section = f", section '{headings[-1]}'" if headings else ""
    raise ReportError(
        f"{what}{section} holds the value of {name}",
        where=where,
        hint="find out how it got there, and give the secret a new value: whoever saw the data may know it",
    )
