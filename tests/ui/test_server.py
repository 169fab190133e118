"""The pages over HTTP, of a fleet that has really run."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ConfigurationError
from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.progress import leave_progress
from workbench.ui.server import serve

pytestmark = pytest.mark.integration

Ask = Callable[..., Any]


def words(markup: str) -> str:
    """What a person reads."""
    return " ".join(
        re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>|<title>.*?</title>", "", markup, flags=re.DOTALL)).split()
    )


def test_the_fleet_at_a_glance(ask: Ask, ran: Path) -> None:
    answer = ask(ran, "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    said = words(answer.text)
    assert "Clients 3 2 pipelines have run" in said
    assert "Need a look 2 failed the last time" in said
    assert "client metric, champion gate act next slot" in said, "columns in the order of the registry"
    assert "alpha Alpha 0.875 roc_auc v7 ✓ succeeded" in said
    assert "beta act failed node act: ValueError; its log has the details" in said
    assert "gamma client.yml client gamma" in said
    assert "this key is missing" in said
    assert re.search(r"Next slot in \d+ (min|h) alpha nightly", said)
    assert 'aria-label="seconds of the last 2 whole runs' in answer.text
    assert "MLflow is not up" in said
    assert 'http-equiv="refresh" content="30"' in answer.text


def test_what_monitor_said_stands_beside_the_champion(ask: Ask, ran: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ran, tmp_path / "watched", ignore=shutil.ignore_patterns("*-shm", "*-wal")))
    reporting = project / "data/alpha/08_reporting"
    reporting.mkdir(parents=True, exist_ok=True)
    said = {"client": "alpha", "verdict": "retrain", "version": 6, "made": "2026-11-30T12:00:00+00:00"}
    (reporting / "monitor.json").write_text(json.dumps(said | {"reasons": [{"sentence": 'It is "worse" <b>'}]}))
    page = ask(project, "/").text
    assert "roc_auc v7 · retrain" in words(page)
    assert "It is &#34;worse&#34; &lt;b&gt;" in page
    assert "monitor: retrain (of version 6)" in words(ask(project, "/clients/alpha").text)
    assert "retrain" not in ask(project, "/clients/beta").text


def test_a_view_stands_still_and_shows_what_was_asked_for(ask: Ask, ran: Path) -> None:
    answer = ask(ran, "/?show=broken&refresh=off")
    assert "http-equiv" not in answer.text
    table = answer.text[answer.text.index("<tbody>") :]
    assert 'href="/clients/beta"' in table.split("</tbody>")[0]
    assert 'href="/clients/alpha"' not in table.split("</tbody>")[0]
    assert "show=broken" in answer.text
    assert "None at the moment" in ask(ran, "/?show=open").text
    assert ask(ran, "/?show=<script>").status == 200


def test_what_runs_now(ask: Ask, fleet: Path) -> None:
    ledger = Ledger.of(fleet)
    number = ledger.start("alpha", "act")
    ledger.plan([("alpha", "gate")])
    leave_progress(state_folder(fleet), "alpha", number, Progress(1, 2, "arrive"))
    answer = ask(fleet, "/")
    assert re.search(r"Running now alpha act 1 of 2 1/2 arrive \d+\.\ds (of about|last time) \d", words(answer.text)), (
        words(answer.text)
    )
    assert "Running 1 1 waiting" in words(answer.text)
    assert '<progress value="1" max="2"' in answer.text
    assert 'http-equiv="refresh" content="3"' in answer.text
    assert "Running now act" in words(ask(fleet, "/clients/alpha").text)
    leave_progress(state_folder(fleet), "alpha", number - 1, Progress(2, 2, "another run"))
    assert "another run" not in ask(fleet, "/").text


def test_a_client_in_detail(ask: Ask, ran: Path) -> None:
    said = words(ask(ran, "/clients/alpha").text)
    (newest, *_) = Ledger.of(ran).history("alpha")
    assert "Champion version 7" in said
    assert "roc_auc 0.875 of the last trained model" in said
    assert f"{newest.number} gate ✓ succeeded" in said
    assert str(newest.config_digest)[:8] in said
    assert f"Configuration {newest.config_digest}" in said
    assert "model_card.html" in said
    assert "model_card.pdf" in said
    assert "evaluation.json" not in said
    assert "nightly in" in said
    assert "At 02:30" in said
    assert "The gate" not in said, "its verdict has no `decision`"
    assert "Held-out metrics roc_auc 0.875" in said


def test_a_client_whose_file_is_broken_has_a_page(ask: Ask, ran: Path) -> None:
    said = words(ask(ran, "/clients/gamma").text)
    assert "Its client.yml cannot be used" in said
    assert "No run yet. Next: kedro run --env clients/gamma" in said


def test_a_changed_file_counts_at_the_next_look(ask: Ask, fleet: Path) -> None:
    assert "Alpha" in ask(fleet, "/").text
    path = fleet / "conf/clients/alpha/client.yml"
    path.write_text(path.read_text().replace("title: Alpha", "title: Another name"))
    assert "Another name" in ask(fleet, "/").text


def test_a_report_is_sandboxed(ask: Ask, ran: Path) -> None:
    answer = ask(ran, "/clients/alpha/reports/model_card.html")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.body == (ran / "data/alpha/08_reporting/model_card.html").read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "allow" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    pdf = ask(ran, "/clients/alpha/reports/model_card.pdf")
    assert (pdf.headers["Content-Type"], pdf.headers["Content-Disposition"]) == (
        "application/pdf",
        "attachment; filename*=UTF-8''model_card.pdf",
    )


@pytest.mark.parametrize("target", ["/", "/clients/alpha", "/nothing", "/clients/alpha/reports/model_card.html"])
def test_every_answer_is_locked(ask: Ask, ran: Path, target: str) -> None:
    headers = ask(ran, target).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.nip.io:{port}", "127.0.0.1", "127.0.0.1:1", "localhost",
     "0.0.0.0:{port}", "127.1:{port}", "localhost.:{port}", "[::1]:{port}", "user@localhost:{port}", ""],
)  # fmt: skip
def test_a_name_that_is_not_ours_is_refused(ran: Path, served: Callable[[Path], tuple[str, int]], host: str) -> None:
    at = served(ran)
    with closing(http.client.HTTPConnection(*at, timeout=20)) as connection:
        connection.putrequest("GET", "/", skip_host=True)
        connection.putheader("Host", host.format(port=at[1]))
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read().decode()
    assert answer.status == 421
    assert "alpha" not in body
    assert f"http://127.0.0.1:{at[1]}" in body


@pytest.mark.parametrize("lines", ["", "Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"])
def test_no_host_and_two_hosts_are_refused(ran: Path, served: Callable[[Path], tuple[str, int]], lines: str) -> None:
    at = served(ran)
    with socket.create_connection(at, timeout=20) as wire:
        head = lines.format(port=at[1])
        wire.sendall(f"GET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        assert wire.recv(20).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_it_can_only_be_read(ask: Ask, ran: Path, method: str) -> None:
    answer = ask(ran, "/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_a_body(ask: Ask, ran: Path) -> None:
    answer = ask(ran, "/clients/beta", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    "line", [b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 70_000]
)
def test_what_is_no_request_is_refused_and_the_next_one_is_answered(
    ran: Path, served: Callable[[Path], tuple[str, int]], line: bytes
) -> None:
    at = served(ran)
    with socket.create_connection(at, timeout=20) as wire:
        wire.sendall(line)
        wire.shutdown(socket.SHUT_WR)
        assert b"alpha" not in wire.recv(65536)
    with socket.create_connection(at, timeout=20) as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{at[1]}\r\n\r\n".encode())
        assert wire.recv(20).startswith(b"HTTP/1.1 200")


def test_a_ledger_that_cannot_be_read_is_said_in_a_sentence(ask: Ask, fleet: Path) -> None:
    for path in state_folder(fleet).glob("ledger.db*"):
        path.unlink()
    (state_folder(fleet) / "ledger.db").write_bytes(b"no ledger at all, and long enough to be looked at" * 40)
    answer = ask(fleet, "/")
    assert answer.status == 503
    assert "ledger" in words(answer.text)


def test_a_fault_of_ours_tells_no_secret(ask: Ask, fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr("workbench.ui.server.overview", broken)
    answer = ask(fleet, "/")
    assert answer.status == 500
    assert "ValueError" in answer.text
    assert "hunter2" not in answer.text


def test_a_look_changes_nothing(ask: Ask, fleet: Path) -> None:
    def everything() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in fleet.rglob("*")
            if path.is_file() and "ledger.db-" not in path.name
        }

    before = everything()
    for target in ("/", "/clients/alpha", "/clients/alpha/reports/model_card.html", "/nothing"):
        ask(fleet, target)
    assert everything() == before


def test_it_listens_on_loopback_and_says_when_the_port_is_taken(
    ran: Path, pages: Callable[[Path], Any], served: Callable[[Path], tuple[str, int]]
) -> None:
    host, port = served(ran)
    assert host == "127.0.0.1"
    with pytest.raises(ConfigurationError, match=f"kedro fleet ui --port {port + 1}"):
        serve(pages(ran), port)
