"""``kedro report``: the list of templates, and rendering one for several clients."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.project import configure_project

from workbench.cli import rendering
from workbench.cli import report as module
from workbench.cli.rendering import Order
from workbench.files import sha256_of_file

ROOT = Path(__file__).parents[2]


@pytest.fixture
def invoke():
    configure_project("pipelines")

    def call(*arguments: str, project: Path = ROOT) -> Any:
        return CliRunner().invoke(module.report, arguments, obj=SimpleNamespace(project_path=project))

    return call


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the process of each client; clinic's fails."""
    calls: list[str] = []

    def render_one(order: Order, client_id: str, node: str, children: Any) -> dict[str, Any]:
        calls.append(f"{client_id}:{node}")
        ok = client_id != "clinic"
        files = {name: f"x.{name}" for name in order.formats} if ok else {}
        return {"client": client_id, "ok": ok, "files": files, "error": "" if ok else "Error: y"}

    monkeypatch.setattr(rendering, "render_one", render_one)
    return calls


def test_the_list_names_templates_titles_and_parameters(invoke) -> None:
    found = {one["name"]: one for one in json.loads(invoke("list", "--json").stdout)}
    assert found["model_card"]["title"] == "Model card"
    assert {"name": "top", "type": "int", "default": 15, "help": "how many columns the chart of importance shows"} in (
        found["model_card"]["parameters"]
    )
    assert "data_quality" in invoke("list").stdout


def test_one_failure_does_not_hide_the_others_and_shows_in_the_exit_code(invoke, rendered) -> None:
    done = invoke("run", "model_card", "--clients", "all")
    assert rendered == [f"{name}:render_model_card" for name in ("clinic", "skyways", "tradewinds")]
    assert done.exit_code == 1
    assert "✗ clinic: Error: y" in done.output
    assert "✓ skyways: x.html" in done.output
    rendered.clear()
    done = invoke("run", "model_card", "--clients", " skyways, tradewinds", "--json")
    assert done.exit_code == 0
    assert [one["client"] for one in json.loads(done.stdout)] == ["skyways", "tradewinds"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["model_cart"], "did you mean 'model_card'"),
        (["../explore/01_first_look"], "does not exist"),
        (["model_card", "--clients", "skyways,clinik"], "did you mean 'clinic'"),
        (["model_card", "--clients", "../x"], "is not a client id"),
        (["model_card", "--clients", ","], "no client was named"),
        (["model_card", "--format", "html,docx"], "format 'docx' is not known (tried: html, pdf)"),
        (["model_card", "--format", ","], "format '' is not known"),
        (["fleet_overview", "--clients", "clinic"], "is on all clients at once, so it takes none"),
    ],
)
def test_a_wrong_name_starts_nothing(invoke, rendered, arguments, sentence) -> None:
    done = invoke("run", *arguments)
    assert done.exit_code == 1
    assert sentence in done.output
    assert rendered == []


def test_a_pdf_without_a_browser_is_refused_before_anything_starts(invoke, rendered, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = invoke("run", "model_card", "--format", "html,pdf")
    assert done.exit_code == 1
    assert "printed by Chromium" in done.output
    assert rendered == []


@pytest.mark.slow
def test_a_result_says_what_was_made_of_which_notebook(clinic_copy: Path, kedro) -> None:
    done = kedro(clinic_copy, "report", "run", "executive", "--clients", "clinic", "--format", "html", "--json")
    (result,) = json.loads(done.stdout)
    html = clinic_copy / "data/clinic/08_reporting/executive.html"
    assert result["files"] == {"html": str(html)}
    assert result["template_digest"] == sha256_of_file(clinic_copy / "notebooks/reports/executive.ipynb")
    assert 0 < result["seconds"] < 120
    assert "Every number is as it was in the last report" in html.read_text()


@pytest.mark.slow
def test_the_fleet_has_a_page_of_its_own_where_no_client_looks(clinic_copy: Path, kedro) -> None:
    before = {path for path in (clinic_copy / "data").rglob("*") if path.is_file()}
    (result,) = json.loads(kedro(clinic_copy, "report", "run", "fleet_overview", "--json").stdout)
    folder = clinic_copy / ".workbench" / "reports"
    assert result["client"] is None
    assert result["files"] == {"html": str(folder / "fleet_overview.html")}
    page = (folder / "fleet_overview.html").read_text()
    assert "For the operator only" in page
    assert "Run skyways for the first time" in page
    assert json.loads((folder / "fleet_overview.tables/fleet_clients.json").read_text())[0]["champion"] == 1
    assert {path for path in (clinic_copy / "data").rglob("*") if path.is_file()} == before


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_kernel(clinic_copy: Path, tmp_path: Path, number) -> None:
    path, pid = clinic_copy / "notebooks/reports/executive.ipynb", tmp_path / "pid"
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["source"] = [
        f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(120)"
    ]
    path.write_text(json.dumps(notebook))
    before = (clinic_copy / "data/clinic/08_reporting/executive.html").read_bytes()
    command = [sys.executable, "-m", "kedro", "report", "run", "executive", "--clients", "clinic"]
    process = subprocess.Popen(
        command, cwd=clinic_copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(lambda: pid.exists() and pid.read_text(), 90)
    process.send_signal(number)  # to the command alone, as a scheduler would
    assert process.wait(30) != 0
    wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists(), 10)
    assert (clinic_copy / "data/clinic/08_reporting/executive.html").read_bytes() == before
    left = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False).stdout
    assert left == "", "what the command started is gone"


def test_a_command_that_is_ended_ends_what_runs_and_begins_nothing_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[str] = []
    codes: list[int] = []

    def render_one(_: Order, client_id: str, __: str, children: rendering.Children) -> dict[str, Any]:
        begun.append(client_id)
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
        sleeps = [sys.executable, "-I", "-S", "-c", "import sys, time; time.sleep(20); sys.exit(75)"]
        codes.append(rendering._patiently(children, sleeps, tmp_path)[0])
        return {"client": client_id}

    monkeypatch.setattr(rendering, "render_one", render_one)
    monkeypatch.setattr(rendering, "_node_of", lambda _: "node")
    order: Any = SimpleNamespace(template=SimpleNamespace(name="model_card"))
    began = time.monotonic()
    with pytest.raises(SystemExit) as leaving:
        list(rendering.render_all(order, ["acme", "best", "cosy"], 1))
    assert leaving.value.code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
    assert begun == ["acme"]
    assert codes == [-signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_was_ended_is_not_begun_again(tmp_path: Path) -> None:
    """A client that was busy is waited for; that the command ends in this time is heeded."""
    children = rendering.Children()
    children.end()
    began = time.monotonic()
    assert rendering._patiently(children, ["touch", str(tmp_path / "begun")], tmp_path) == (75, "")
    assert time.monotonic() - began < 1
    assert not (tmp_path / "begun").exists()


def test_one_that_begins_while_the_command_ends_is_ended_too(tmp_path: Path) -> None:
    children = rendering.Children()
    looks = iter([False, True])
    children._ended = SimpleNamespace(is_set=lambda: next(looks))  # type: ignore[assignment]
    began = time.monotonic()
    assert children.run(["sleep", "8"], tmp_path)[0] == -signal.SIGTERM
    assert time.monotonic() - began < 4


def test_what_a_notebook_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """It may be in a session of its own, and write to the standard error of who has started it."""
    began = time.monotonic()
    done = rendering.Children().run(["sh", "-c", "setsid sleep 4 & echo said >&2"], tmp_path)
    assert done == (0, "said\n")
    assert time.monotonic() - began < 3


def wait_for(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def test_a_client_that_is_busy_is_tried_again(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rendering, "WAITS", (0.05, 0.05))
    script = "import sys, pathlib; p = pathlib.Path('n'); n = len(p.read_text()) if p.exists() else 0; p.write_text('x' * (n + 1)); "

    def run(then: str) -> tuple[int, str]:
        return rendering._patiently(rendering.Children(), [sys.executable, "-c", script + then], tmp_path)

    assert run("sys.exit(75 if n < 2 else 0)")[0] == 0
    assert (tmp_path / "n").read_text() == "xxx"
    assert run("print('Error: wrong', file=sys.stderr); sys.exit(1)") == (1, "Error: wrong\n")
    assert (tmp_path / "n").read_text() == "xxxx", "what a person must change is not tried again"
    assert run("sys.exit(75)")[0] == 75


def test_a_template_without_a_node_says_where_to_add_one(invoke, rendered, project) -> None:
    folder = project / "notebooks" / "reports"
    (folder / "weekly.ipynb").write_bytes((folder / "model_card.ipynb").read_bytes())
    done = invoke("run", "weekly", project=project)
    assert done.exit_code == 1
    assert "has no node 'render_weekly'" in done.output
    assert rendered == []


@pytest.mark.slow
@pytest.mark.integration
def test_a_failed_report_leaves_the_last_good_one(clinic_copy, kedro) -> None:
    reporting = clinic_copy / "data" / "clinic" / "08_reporting"
    before = (reporting / "data_quality.html").read_bytes()
    (reporting / "ingest.json").write_text('{"client": "clinic", "tables": {"samples": {}}}')
    done = kedro(clinic_copy, "report", "run", "data_quality", "--clients", "clinic", check=False)
    assert done.returncode == 1
    assert done.stderr, "what went wrong is shown in full"
    assert "✗ clinic: Error: report data_quality: cell " in done.stdout
    assert (reporting / "data_quality.html").read_bytes() == before
    assert (reporting / ".failed" / "data_quality.ipynb").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("tpo=3", "unknown parameter 'tpo' (tried: client, inputs, top). Next: did you mean 'top'?"),
        ("top=many", "parameter 'top' must be int, not 'many'"),
        ("top", "'top' is not name=value"),
        ("client=skyways", "parameter 'client' is filled in by the report itself"),
        ("top=__import__('os')", "must be int"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(invoke, rendered, given: str, said: str) -> None:
    done = invoke("run", "model_card", "-p", given)
    assert done.exit_code == 1
    assert said in done.output
    assert rendered == []


@pytest.mark.slow
def test_a_parameter_reaches_the_notebook(clinic_copy: Path, kedro) -> None:
    kedro(clinic_copy, "report", "run", "model_card", "--clients", "clinic", "-p", "top=3")
    page = (clinic_copy / "data/clinic/08_reporting/model_card.html").read_text()
    (shown,) = re.findall(r'alt="Loss of [^:]* when shuffled: ([^"]*)"', page)
    assert shown.count(",") == 2, "the chart names three columns"
