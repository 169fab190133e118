"""Hands the pages out: on loopback alone, to GET and HEAD alone, under this machine's own name alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from workbench.errors import ConfigurationError, WorkbenchError
from workbench.ui.clients import Roster
from workbench.ui.detail import detail, report_folders
from workbench.ui.files import KINDS, read_report, reports_of
from workbench.ui.neighbours import Neighbours
from workbench.ui.overview import Overview, overview
from workbench.ui.pages import Answer, Pages, View

__all__ = ["FleetPages", "serve"]

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 15
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""A report's own page: in an origin of its own, without scripts, and unable to ask anybody for anything."""


class FleetPages:
    """From a path to an answer.

    Args:
        project: the project's folder.
        order: its pipelines, in the order of their columns.
        neighbours: the other servers.
        now: the clock.
    """

    def __init__(
        self,
        project: Path,
        order: Iterable[str],
        neighbours: Neighbours,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.project, self.neighbours, self.roster = project, neighbours, Roster(project)
        self.pages = Pages(project.resolve().name)
        self._order, self._now = tuple(order), now

    def overview(self) -> Overview:
        """What the page of the fleet says now."""
        return overview(self.project, self.roster, self._order, self.neighbours, self._now())

    def answer(self, target: str) -> Answer:
        """The answer to a GET; ``target`` is what stands in the request's line."""
        path, _, query = target.partition("?")
        # Split first, decoded then: a slash that is written as %2F is part of a name, and no name has one.
        match [unquote(part) for part in path.split("/")]:
            case ["", ""]:
                return self.pages.overview(self.overview(), links=self._links(None), view=_view(query))
            case ["", "clients", name] if known := self.roster.get(name):
                one = detail(self.project, known, self._order, self.neighbours, self._now())
                return self.pages.detail(one, links=self._links(name), view=_view(query))
            case ["", "clients", name, "reports", file] if self.roster.get(name):
                return self._report(name, file)
            case ["", "reports", file]:
                return self._report(None, file)
        return self.refused(404, "Not found", "There is no such page; the fleet's is the way to all others.")

    def refused(self, status: int, title: str, sentence: str) -> Answer:
        """An error."""
        return self.pages.refusal(status, title, sentence)

    def _report(self, client: str | None, file: str) -> Answer:
        content = read_report(self.project, report_folders(client), file)
        if content is None:
            return self.refused(404, "Not found", "There is no such report; make it with `kedro report run`.")
        kind = KINDS[Path(file).suffix]
        # A sandbox has no room for a PDF viewer, so that one is saved.
        return Answer(200, content, kind, SANDBOX, attachment=file if file.endswith(".pdf") else "")

    def _links(self, client: str | None) -> dict[str, Any]:
        return {
            "mlflow": self.neighbours.mlflow,
            "viz": self.neighbours.viz,
            "reports": reports_of(self.project, report_folders(client)),
        }


def _view(query: str) -> View:
    asked = {name: values[-1] for name, values in parse_qs(query[:200]).items()}
    show = asked.get("show")
    return View(show if show in {"open", "broken"} else "all", asked.get("refresh") != "off")  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "workbench", ""
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        self._send(self._answer(), with_body=False)

    def __getattr__(self, name: str) -> Any:
        # http.server looks for do_<METHOD>, and answers 501 where there is none.
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def _refuse_method(self) -> None:
        answer = self.server.pages.refused(405, "Method not allowed", "This page can be read, and nothing else.")
        self.close_connection = True  # what follows may be a body
        self._send(answer, with_body=True, Allow="GET, HEAD")

    def _answer(self) -> Answer:
        pages = self.server.pages
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            return pages.refused(
                421,
                "Wrong address",
                f"Open it as http://{LOOPBACK}:{self.server.server_port}, and under no other name.",
            )
        try:
            return pages.answer(self.path)
        except WorkbenchError as error:
            return pages.refused(503, "The fleet cannot be read", str(error))
        except Exception as error:  # noqa: BLE001 - its words could hold anything; a page must not
            return pages.refused(500, "This page has a fault", f"{type(error).__name__}; please report it.")

    def _send(self, answer: Answer, *, with_body: bool, **headers: str) -> None:
        self.send_response(answer.status)
        given = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            "Content-Security-Policy": answer.policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if answer.attachment:
            given["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(answer.attachment)}"
        for name, value in {**given, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as a broken line; nothing of it is said back."""
        self.close_connection = True
        if self.request_version == "HTTP/0.9":  # it knows no head to put a status in
            return
        self._send(Answer(code, b"refused\n", "text/plain"), with_body=self.command != "HEAD", Connection="close")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name is http.server's
        """Say nothing: a page that renews itself would fill the terminal."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pages: FleetPages, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.pages = pages
        # A name that an attacker's DNS lets point to this machine is not among them (DNS rebinding).
        self.names = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}
        if self.server_port == 80:
            self.names |= {LOOPBACK, "localhost"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that hangs up is no fault."""


def serve(pages: FleetPages, port: int) -> ThreadingHTTPServer:
    """Listen on loopback; ``serve_forever`` of what comes back answers until ``shutdown``.

    Args:
        pages: what to answer.
        port: 0 for one that is free.

    Raises:
        ConfigurationError: the port is taken.
    """
    try:
        return _Server(pages, port)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {LOOPBACK}:{port} ({error.strerror})",
            hint=f"`kedro fleet ui --port {min(port + 1, 65535)}`",
        ) from error
