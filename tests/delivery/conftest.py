"""A parcel, servers on loopback that remember what they got, and a certificate that this process trusts."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from loopback_tls import make_certificate, server_context

from workbench.delivery import Item, Parcel
from workbench.files import sha256_of_file
from workbench.secrets import ClientSecrets
from workbench.secrets.environment import EnvironmentPlace

DUE = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    folder = tmp_path / "parcel"
    folder.mkdir()
    (folder / "model_card.html").write_text("<!doctype html><h1>Größe & Güte</h1></html>", encoding="utf-8")
    (folder / "model_card.pdf").write_bytes(b"%PDF-1.7\n%%EOF\n")
    items = tuple(
        Item(name, "Model card", sha256_of_file(folder / name), (folder / name).stat().st_size, "model_card", "0" * 64)
        for name in ("model_card.html", "model_card.pdf")
    )
    made = Parcel(
        "acme", "Acme <Ltd>", "fleet@smithright.example", "weekly", DUE, folder, items, ("All is <well>.", "Read on.")
    )
    (folder / "parcel.json").write_text(json.dumps(made.to_dict()))
    return made


@pytest.fixture
def secrets() -> Callable[..., ClientSecrets]:
    clients = ("acme", "acme2", "other")
    return lambda **environ: ClientSecrets("acme", EnvironmentPlace("acme", clients, environ), clients)


@pytest.fixture
def http() -> Iterator[Any]:
    """An HTTP server: ``http.answers`` are (status, headers) in order, then 200; ``http.got`` are the requests."""
    yield from _server(None)


@pytest.fixture
def https(certificate: ssl.SSLContext) -> Iterator[Any]:
    """The same over TLS, with a certificate that this process trusts."""
    yield from _server(certificate)


def _server(context: ssl.SSLContext | None) -> Iterator[Any]:
    state = SimpleNamespace(answers=[], got=[], url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.got.append(SimpleNamespace(path=self.path, headers=dict(self.headers), body=body))
            status, headers = state.answers.pop(0) if state.answers else (200, {})
            if status == 0:  # hangs up without a word
                self.connection.close()
                return
            content = headers.pop("body", b"ok") if status == 200 else b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.port, state.url = server.server_port, f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context for 127.0.0.1, whose certificate this process trusts."""
    path = make_certificate(tmp_path / "certificate.pem")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(path))
    return server_context(path)
