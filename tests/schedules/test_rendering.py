"""What may be sent at all, and what a command that failed had to say."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.clients import ClientRegistry
from workbench.clients.brand import Brand
from workbench.errors import ReportError, Unreachable
from workbench.schedules import rendering

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "html"), (b"<!doctype html><p>half", "html"), (b"hello</html>", "html"), (b"%PDF-1.7 half", "pdf")],
)
def test_half_a_page_is_not_sent(tmp_path: Path, content: bytes, kind: str) -> None:
    page = tmp_path / f"page.{kind}"
    page.write_bytes(content)
    with pytest.raises(ReportError, match=f"is not a whole {kind.upper()} file"):
        rendering._checked(page, kind, tmp_path, "client acme")


def test_another_clients_page_is_not_sent(tmp_path: Path) -> None:
    own, other = tmp_path / "acme", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "page.html").write_bytes(b"<!doctype html></html>\n")
    (own / "page.html").symlink_to(other / "page.html")
    for page in (other / "page.html", own / "page.html"):
        with pytest.raises(ReportError, match="outside of the client's data"):
            rendering._checked(page, "html", own, "client acme")
    (own / "mine.html").write_bytes(b"<!doctype html></html>\n")
    (tmp_path / "project").symlink_to(own)
    for folder in (own, tmp_path / "project"):  # the project itself may be reached by a link
        assert rendering._checked(folder / "mine.html", "html", folder, "client acme") == own / "mine.html"


@pytest.mark.parametrize("heeds", [True, False])
def test_a_command_that_takes_too_long_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heeds: bool
) -> None:
    """The stand-in for Kedro starts a process of its own, which writes its number; it is asked to end, and then ended."""
    ends = "lambda *_: (pathlib.Path('asked').touch(), sys.exit())"
    (tmp_path / "kedro.py").write_text(
        "import pathlib, signal, subprocess, sys, time\n"
        f"signal.signal(signal.SIGTERM, {ends if heeds else 'signal.SIG_IGN'})\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(8)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "time.sleep(8)\n"
    )
    monkeypatch.setattr(rendering, "ENDING_SECONDS", 5.0 if heeds else 0.1)
    environment = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    began = time.monotonic()
    with pytest.raises(ReportError, match="client acme: it ran out of time"):
        rendering._kedro(tmp_path, ["x"], environment, time.monotonic() + 1.5, where="client acme")
    assert time.monotonic() - began < 5
    assert (tmp_path / "asked").exists() == heeds
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """What it printed may be held open for as long as that lives, which may be in a session of its own."""
    (tmp_path / "kedro.py").write_text(
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(4)'], start_new_session=True)\n"
        "print('done')\n"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    began = time.monotonic()
    assert rendering._kedro(tmp_path, ["x"], environment, began + 60, where="client acme") == "done\n"
    assert time.monotonic() - began < 3


@pytest.mark.usefixtures("silent_keyboard")
def test_a_command_has_the_environment_that_is_meant_for_it_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER__PASSWORD", "canary")
    (tmp_path / "kedro.py").write_text("import os, sys; print(*sorted(os.environ), os.getcwd(), sys.stdin.read())\n")
    environment = {"PYTHONPATH": str(tmp_path), "LC_ALL": "C.UTF-8", "ACME__PASSWORD": "own"}
    said = rendering._kedro(tmp_path, ["x"], environment, time.monotonic() + 8, where="client acme")
    assert set(said.split()) - {"LC_CTYPE"} == {*environment, str(tmp_path)}


def gone(pid: int) -> bool:
    end = time.monotonic() + 2
    while time.monotonic() < end and lives(pid):
        time.sleep(0.02)
    return not lives(pid)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except OSError:
        return False


@pytest.mark.parametrize(
    ("output", "errors", "code", "kind", "said"),
    [
        ("", "noise\nError: client acme: it is broken\n", 1, ReportError, "client acme: it is broken"),
        ("", "Error: busy\n", os.EX_TEMPFAIL, Unreachable, "busy"),
        ("", "", -9, ReportError, "`kedro report run drift` ended with code -9"),
        (json.dumps([{"ok": False, "error": "Error: cell 3"}]), "Error: other", 1, ReportError, "cell 3"),
        (json.dumps([{"ok": False, "error": "", "transient": True}]), "Error: busy", 1, Unreachable, "busy"),
    ],
)
def test_what_a_failed_command_said(output: str, errors: str, code: int, kind: type[Exception], said: str) -> None:
    error = rendering._failure(["report", "run", "drift"], output, errors, code, "here")
    assert type(error) is kind
    assert said in str(error)
    assert "Error:" not in str(error)


@pytest.mark.parametrize(("code", "kind"), [(1, ReportError), (os.EX_TEMPFAIL, Unreachable)])
def test_a_command_that_failed_is_not_taken_for_one_that_did_not(tmp_path: Path, code: int, kind: type) -> None:
    """The reports of yesterday's rows would be sent as today's."""
    said = "print('all is well'); print('Error: no rows', file=sys.stderr)"
    (tmp_path / "kedro.py").write_text(f"import sys\n{said}\nsys.exit({code})\n")
    environment = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    with pytest.raises(kind, match="pipeline ingest: no rows"):
        rendering._kedro(tmp_path, ["run"], environment, time.monotonic() + 60, where="client acme, pipeline ingest")
    (tmp_path / "kedro.py").write_text("print('all is well')\n")
    done = rendering._kedro(tmp_path, ["run"], environment, time.monotonic() + 60, where="client acme")
    assert done == "all is well\n"


def test_titles_are_in_the_clients_language_and_the_slot_goes_along(
    fleet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = fleet(acme={"weekly": {"cron": "0 6 * * 1", "templates": ["model_card"]}})
    templates, made = project / "notebooks" / "reports", project / "data" / "acme" / "model_card.html"
    templates.mkdir(parents=True)
    made.parent.mkdir(parents=True)
    made.write_text("<!doctype html></html>")
    shutil.copy(ROOT / "notebooks" / "reports" / "model_card.ipynb", templates)
    seen: list[str] = []

    def kedro(project: Path, arguments: object, environment: dict[str, str], *_: object, **__: object) -> str:
        seen.append(environment["WORKBENCH_SLOT"])
        return json.dumps([{"files": {"html": str(made)}}])

    monkeypatch.setattr(rendering, "_kedro", kedro)
    client = ClientRegistry(project).load("acme").model_copy(update={"brand": Brand(locale="fr")})
    (folder := tmp_path / "slot").mkdir()
    environ = {"WORKBENCH_SLOT": "weekly/20261124T060000Z"}
    (item,) = rendering.render_reports(project, client, client.schedule["weekly"], folder, environ)
    assert item.title == "Fiche du modèle"
    assert seen == ["weekly/20261124T060000Z"]
    made = project / "data" / "other" / "model_card.html"
    made.parent.mkdir()
    made.write_text("<!doctype html></html>")
    with pytest.raises(ReportError, match="outside of the client's data"):
        rendering.render_reports(project, client, client.schedule["weekly"], folder, environ)


def test_what_renders_sees_no_other_clients_variables(
    fleet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = {"cron": "0 6 * * 1", "pipelines": ["ingest"], "templates": ["model_card"]}
    project = fleet(acme={"weekly": schedule}, other={})
    templates, made = project / "notebooks" / "reports", project / "data" / "acme" / "model_card.html"
    templates.mkdir(parents=True)
    made.parent.mkdir(parents=True)
    made.write_text("<!doctype html></html>")
    shutil.copy(ROOT / "notebooks" / "reports" / "model_card.ipynb", templates)
    seen: list[dict[str, str]] = []

    def run(_: Path, arguments: list[str], environment: dict[str, str], *rest: object, **others: object) -> str:
        seen.append(environment)
        return json.dumps([{"files": {"html": str(made)}}])

    monkeypatch.setattr(rendering, "_kedro", run)
    client = ClientRegistry(project).load("acme")
    folder = tmp_path / "staging"
    folder.mkdir()
    environ = {"PATH": "/bin", "ACME__PASSWORD": "own", "OTHER__PASSWORD": "canary"}
    rendering.render_reports(project, client, client.schedule["weekly"], folder, environ)
    assert [(one.get("ACME__PASSWORD"), "OTHER__PASSWORD" in one) for one in seen] == [("own", False)] * 2


def test_a_report_is_asked_for_one_client_with_the_schedules_parameters_and_within_its_time(
    fleet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = {
        "cron": "0 6 * * 1",
        "pipelines": ["ingest", "score"],
        "templates": ["model_card"],
        "parameters": {"model_card": {"top": 7, "long": True}},
        "formats": ["html", "pdf"],
        "timeout_minutes": 3,
    }
    project = fleet(acme={"weekly": schedule})
    templates, made = project / "notebooks" / "reports", project / "data" / "acme" / "08_reporting"
    templates.mkdir(parents=True)
    made.mkdir(parents=True)
    (made / "page.html").write_text("<!doctype html></html>")
    (made / "page.pdf").write_bytes(b"%PDF-1.7\n%%EOF\n")
    shutil.copy(ROOT / "notebooks" / "reports" / "model_card.ipynb", templates)
    asked: list[list[str]] = []

    def kedro(_: Path, arguments: list[str], __: object, deadline: float, **___: object) -> str:
        asked.append(arguments)
        assert 170 < deadline - time.monotonic() <= 180
        return json.dumps([{"files": {kind: str(made / f"page.{kind}") for kind in ("html", "pdf")}}])

    monkeypatch.setattr(rendering, "_kedro", kedro)
    client = ClientRegistry(project).load("acme")
    (folder := tmp_path / "slot").mkdir()
    items = rendering.render_reports(project, client, client.schedule["weekly"], folder, {})
    assert asked == [
        ["run", "--pipelines", "ingest", "--env", "clients/acme"],
        ["run", "--pipelines", "score", "--env", "clients/acme"],
        [
            "report",
            "run",
            "model_card",
            "--clients",
            "acme",
            "--json",
            "--format",
            "html,pdf",
            "-p",
            "top=7",
            "-p",
            "long=true",
        ],
    ]
    assert [item.name for item in items] == ["model_card.html", "model_card.pdf"]
    (made / "page.pdf").write_bytes(b"%PDF-1.7 half")
    with pytest.raises(ReportError, match="is not a whole PDF"):
        rendering.render_reports(project, client, client.schedule["weekly"], folder, {})
