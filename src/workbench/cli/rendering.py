"""What ``kedro report run`` does: a process a client, or one page on the whole fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.attended import attended
from workbench.clients import env_of_client
from workbench.errors import ConfigurationError, ReportError, WorkbenchError
from workbench.fleet.stop import GracefulStop

if TYPE_CHECKING:
    from workbench.reports import Template
    from workbench.reports.parameters import Scalar

__all__ = ["FORMATS", "Order", "parsed_formats", "render_all", "render_fleet"]

FORMATS = ("html", "pdf")

WAITS = (2.0, 8.0)
"""Seconds before a report is tried again that found its client busy."""


@dataclass(frozen=True)
class Order:
    """What is to be rendered.

    Attributes:
        project: the project's folder.
        template: the notebook.
        parameters: checked against its declarations.
        formats: the files that are wanted; HTML is always made.
        quiet: whether nothing but JSON may be printed.
    """

    project: Path
    template: Template
    parameters: Mapping[str, Scalar]
    formats: tuple[str, ...] = ("html",)
    quiet: bool = False


def parsed_formats(text: str) -> tuple[str, ...]:
    """The formats that a person typed, each once.

    Raises:
        ConfigurationError: one is not known, or there is nothing to make it with; nothing was started.
    """
    wanted = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise ConfigurationError(f"format '{', '.join(unknown)[:60]}' is not known", tried=", ".join(FORMATS))
    if "pdf" in wanted:
        from workbench.reports.pdf import find_browser

        find_browser()
    return wanted


def render_all(order: Order, clients: Sequence[str], workers: int) -> Iterator[dict[str, Any]]:
    """Render for each client, several at once; results come in the order of the clients.

    Returns:
        For each: ``client``, ``template``, ``template_digest`` (sha256 of the notebook), ``ok``, ``files`` (format to
        path; empty if it failed), ``path`` (of the HTML), ``seconds``, ``error``, and ``transient`` (whether another
        attempt may pass).
    """
    from workbench.kernels.preload import FOR_REPORTS
    from workbench.kernels.process import some_zygote

    node = _node_of(order.template.name)
    children, stop = Children(), GracefulStop()
    stop.install()
    with some_zygote(FOR_REPORTS), ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(lambda client: render_one(order, client, node, children), clients)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.end()
            raise
        finally:
            stop.remove()


def render_one(order: Order, client_id: str, node: str, children: Children) -> dict[str, Any]:
    """Run the template's node for one client; two clients in one process would leak into each other."""
    started = time.monotonic()
    name = order.template.name
    arguments = ["run", "--pipelines", "report", "--to-nodes", node, "--env", env_of_client(client_id)]
    # In a file: on a command line, Kedro would cut a value at its commas, and guess its type.
    parameters = dict(order.parameters)
    settings = {"run": {"params": {"report": {"parameters": {name: parameters}}}}} if parameters else {}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        if settings:
            json.dump(settings, config)
            config.flush()
            arguments += ["--config", config.name]
        command = [sys.executable, "-m", "kedro", *arguments]
        code, said = _patiently(children, command, order.project)
    if code != 0 and not order.quiet:
        click.echo(said, err=True, nl=False)
    error, may_pass = "", code == os.EX_TEMPFAIL
    if code != 0:
        last = next((line for line in reversed(said.splitlines()) if line.startswith("Error: ")), "")
        error = last or "Error: failed; see `kedro fleet log`"
    return _result(order, client_id, error, started) | {"transient": may_pass}


class Children:
    """The processes that a command has started; they end with it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = threading.Event()

    def run(self, command: Sequence[str], folder: Path) -> tuple[int, str]:
        """Run one to its end: its exit code and standard error.

        That is a file: a pipe would be open as long as whatever a cell of the notebook has left running.
        """
        if self._ended.is_set():
            return os.EX_TEMPFAIL, ""
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(attended(command), cwd=folder, stdout=subprocess.DEVNULL, stderr=errors) as process,
        ):
            self._running.add(process)
            try:
                if self._ended.is_set():  # since it was looked at
                    process.terminate()
                code = process.wait()
            finally:
                self._running.discard(process)
            errors.seek(0)
            return code, errors.read().decode("utf-8", "replace")

    def wait(self, seconds: float) -> bool:
        """Wait so long; true if they were ended meanwhile."""
        return self._ended.wait(seconds)

    def end(self) -> None:
        """Ask all of them to end, as a person would; each sees to its own kernel."""
        self._ended.set()
        for process in list(self._running):
            process.terminate()


def _patiently(children: Children, command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command; again, later each time, as long as it says that this may help (``EX_TEMPFAIL``)."""
    for wait in WAITS:
        code, said = children.run(command, folder)
        if code != os.EX_TEMPFAIL or children.wait(wait):
            return code, said
    return children.run(command, folder)


def render_fleet(order: Order) -> dict[str, Any]:
    """Render the page on the whole fleet, in this process: it opens no client."""
    from workbench.datasets import ReportNumbers
    from workbench.files import write_text
    from workbench.kernels.preload import FOR_REPORTS
    from workbench.kernels.process import some_zygote
    from workbench.notebook.fleet import gather_fleet
    from workbench.reports import Limits, render
    from workbench.reports.numbers import ABOUT
    from workbench.reports.render import reporting_folder

    started = time.monotonic()
    name, folder = order.template.name, reporting_folder(order.project, None)
    try:
        inputs = gather_fleet(order.project)
        with some_zygote(FOR_REPORTS):
            made = render(
                order.project,
                name,
                client=None,
                inputs=inputs,
                limits=Limits(TIMEOUT, retries=2),
                parameters=order.parameters,
            )
        write_text(folder / f"{name}.html", made.html)
        ReportNumbers(filepath=str(folder / f"{name}.tables")).save({ABOUT: made.about, **inputs[f"{name}_numbers"]})
    except WorkbenchError as problem:
        return _result(order, None, f"Error: {problem}", started)
    return _result(order, None, "", started)


TIMEOUT = 300.0
"""Seconds for the page on the fleet; a client's is `report.timeout_seconds` of its parameters."""


def _result(order: Order, client_id: str | None, error: str, started: float) -> dict[str, Any]:
    """The outcome, with the PDF if it is wanted and there is something to print."""
    from workbench.files import sha256_of_file
    from workbench.reports.pdf import write_pdf
    from workbench.reports.render import reporting_folder

    html = reporting_folder(order.project, client_id) / f"{order.template.name}.html"
    files = {} if error else {"html": str(html)}
    if "pdf" not in order.formats and not error:
        html.with_suffix(".pdf").unlink(missing_ok=True)  # it would be that of an earlier report
    if "pdf" in order.formats and not error:
        try:
            write_pdf(html, html.with_suffix(".pdf"))
            files["pdf"] = str(html.with_suffix(".pdf"))
        except WorkbenchError as problem:
            error = f"Error: {problem}"
    return {
        "client": client_id,
        "template": order.template.name,
        "template_digest": sha256_of_file(order.template.path),
        "ok": not error,
        "path": files.get("html"),
        "files": files,
        "seconds": round(time.monotonic() - started, 2),
        "error": error,
    }


def _node_of(template: str) -> str:
    """The node of pipeline ``report`` that renders a template."""
    from kedro.framework.project import pipelines

    node = f"render_{template}"
    if node not in {one.name for one in pipelines["report"].nodes}:
        raise ReportError(
            f"template '{template}' has no node '{node}'",
            where="pipelines/report/pipeline.py",
            hint="add one that names the datasets which the template shows",
        )
    return node
