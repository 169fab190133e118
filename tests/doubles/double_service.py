"""What every double of a cloud service has: an HTTP server on loopback, a script of faults, and patience.

A double is a :class:`Service` whose methods are marked with :func:`route`. It holds the state that the published contract
promises, checks what it is sent, and answers in the service's own error format. What goes wrong is said from outside, by
:class:`Fault`: nothing of the product or of an SDK knows that it is being tested.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["Answer", "Fault", "Operation", "Request", "Service", "in_child", "route"]

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Request:
    """One request as it came. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and path, such as ``POST /v1/jobs``."""
        return f"{self.method} {self.path}"

    def json(self) -> Any:
        """The body; what is no JSON is answered with 400 by the service."""
        return json.loads(self.body or b"{}")


@dataclass
class Answer(Exception):
    """What a handler gives back, or raises from deep inside."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes that go out: bytes as they are, anything else as JSON."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass
class Fault:
    """Something that goes wrong with requests of a pattern.

    Attributes:
        on: regular expression that is searched in ``METHOD /path``.
        skip: so many of them pass unharmed first.
        times: and so many are struck.
        answer: given instead of the service's; None lets the service answer.
        drop: ``before`` hangs up without the request having had any effect; ``after`` lets it have its effect and then
            hangs up, so that the caller does not know.
        delay: seconds before anything happens.
        kill: the process that gets SIGKILL once the request has had its effect, and before it has an answer.
        truncate: only so many bytes of the answer are sent, under the length of all of them.
    """

    on: str = ""
    skip: int = 0
    times: int = 1
    answer: Answer | None = None
    drop: str = ""
    delay: float = 0.0
    kill: Callable[[], int] | int | None = None
    truncate: int | None = None

    def strikes(self, request: Request) -> bool:
        """Whether this request is struck; counts it."""
        if not re.search(self.on, request.line):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times <= 0:
            return False
        self.times -= 1
        return True


@dataclass
class Operation:
    """Something that takes so many looks until it is done; then its effect happens, once."""

    looks: int
    effect: Callable[[], Any] = lambda: None
    result: Any = None
    done: bool = False

    def look(self) -> bool:
        """Look once; whether it is done."""
        if not self.done:
            self.looks -= 1
            if self.looks < 0:
                self.result, self.done = self.effect(), True
        return self.done


def route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a method of a :class:`Service` as the handler of requests.

    Args:
        method: GET, POST …
        path: a regular expression for the whole path; its named groups, unquoted, are the handler's keyword arguments.
    """

    def marked(handler: Callable[..., Any]) -> Callable[..., Any]:
        routes = getattr(handler, "routes", [])
        handler.routes = [*routes, (method, re.compile(path))]  # type: ignore[attr-defined]
        return handler

    return marked


class Service:
    """A server on loopback. As a context manager it is up inside the block.

    With ``tls`` it speaks https; SDKs that hold a token refuse anything else.

    Handlers take the request and give an :class:`Answer`, or a value that is answered as JSON with status 200. They run
    one at a time.

    Attributes:
        faults: what goes wrong; the first that strikes counts.
        requests: all that came, in order, those that were dropped too.
        effects: how many changing requests the service has carried out.
    """

    routes: ClassVar[list[tuple[str, re.Pattern[str], str]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        found = [
            (method, path, name)
            for kind in reversed(cls.__mro__)
            for name, handler in vars(kind).items()
            for method, path in getattr(handler, "routes", [])
        ]
        cls.routes = found

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.effects = 0
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_port
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls is not None:
            # The handshake is left to the thread of the connection, or one slow client would hold up all others.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Go down."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def error(self, status: int, message: str) -> Answer:
        """An error in the service's own format; a subclass says which."""
        return Answer(status, {"error": {"code": status, "message": message}})

    def authorise(self, request: Request) -> None:
        """Raise an :class:`Answer` if the request may not be made; a subclass says when."""

    def calls(self, pattern: str) -> list[Request]:
        """The requests in whose ``METHOD /path`` a regular expression is found."""
        return [request for request in self.requests if re.search(pattern, request.line)]

    def answer(self, request: Request) -> Answer | None:
        """What a request is answered; None hangs up."""
        with self._lock:
            self.requests.append(request)
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is not None:
            time.sleep(fault.delay)
            if fault.drop == "before":
                return None
            if fault.answer is not None:
                return fault.answer
        with self._lock:
            answer = self._handled(request)
            if request.method in CHANGING and answer.status < 400:
                self.effects += 1
        if fault is not None:
            if fault.kill is not None:
                os.kill(fault.kill() if callable(fault.kill) else fault.kill, signal.SIGKILL)
                return None
            if fault.drop:
                return None
            if fault.truncate is not None:
                return Answer(answer.status, answer.body, {**answer.headers, "x-truncate": str(fault.truncate)})
        return answer

    def _handled(self, request: Request) -> Answer:
        try:
            self.authorise(request)
            for method, path, name in self.routes:
                match = path.fullmatch(request.path)
                if method == request.method and match:
                    groups = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    given = getattr(self, name)(request, **groups)
                    return given if isinstance(given, Answer) else Answer(200, given)
        except Answer as answer:
            return answer
        except json.JSONDecodeError as error:
            return self.error(400, f"the body is no JSON: {error}")
        return self.error(404, f"there is no {request.line}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Those who test concurrency open many connections at once.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that hung up, or was killed, is what is being tested."""


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer(service.answer(self._request()))

        def _request(self) -> Request:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Request(self.command, parts.path, query, headers, self._body(headers))

        def _body(self, headers: Mapping[str, str]) -> bytes:
            if headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(self, answer: Answer | None) -> None:
            if answer is None:
                self.close_connection = True
                return
            headers = dict(answer.headers)
            content, sent = answer.content, headers.pop("x-truncate", None)
            self.send_response(answer.status)
            headers.setdefault("Content-Type", "application/json")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content if sent is None else content[: int(sent)])
            if sent is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def in_child(action: Callable[[], object]) -> int:
    """Do something in a forked process, so that it can be killed; how that ended (negative: by which signal).

    The modules that the action needs are imported by then, which is what makes a hundred such tests quick.
    """
    pid = os.fork()
    if pid == 0:  # pragma: no cover - measured nowhere: it is killed
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables inside a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
