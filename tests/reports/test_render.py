"""A template becomes a page, or the report fails and says where. A kernel costs two seconds: each test asks much."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pyarrow as pa
import pytest

from workbench.clients import Client
from workbench.errors import ConfigurationError, KernelLost, ReportError, StorageError
from workbench.reports import Limits, render

HOSTILE = "\"); open('ran', 'w').write('x'); (\"\\\n${HOME} {0.__class__} '''"


@pytest.fixture
def run(bare: Path, acme: Client) -> Callable[..., str]:
    def call(name: str, timeout_seconds: float = 60, inputs: object = None, parameters: object = None, **limits) -> str:
        limits = Limits(timeout_seconds, **limits)
        return render(bare, name, client=acme, inputs=inputs or {}, limits=limits, parameters=parameters).html

    return call


@pytest.fixture
def failed(bare: Path) -> Callable[[str], Path]:
    return lambda name: bare / "data" / "acme" / "08_reporting" / ".failed" / f"{name}.ipynb"


def _gone(pid: int) -> bool:
    """Whether a process has ended: a zombie that nobody has waited for yet has."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def user_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose kernel `python3` is another program, and whose IPython runs a file of their own at every start."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["false"], "display_name": "mine", "language": "python"}')
    for folder in (tmp_path / "ipython", tmp_path / "home" / ".ipython"):
        startup = folder / "profile_default" / "startup" / "00.py"
        startup.parent.mkdir(parents=True)
        startup.write_text("top = 'from my startup file'\nprint = lambda *_: None")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.mark.usefixtures("user_set_up")
def test_a_template_sees_its_inputs_and_parameters_and_hides_its_code(template, code, run, failed, bare) -> None:
    template(
        "good",
        "# Weekly",
        code("from workbench.notebook import report_inputs\ndata = report_inputs(client, inputs)"),
        "## Rows & <i>more</i>",
        code("print(client, top, data.load('table').num_rows, data.load('record')['n'], data.load('client').target)"),
        code("print(note)"),
        code(
            "import os, sys; print(os.listdir(), os.path.basename(os.getcwd()))\nprint('to the log', file=sys.stderr)"
        ),
        parameters='client: str = ""\ninputs: str = ""\ntop: int = 3\nnote: str = ""',
    )
    stale = failed("good")
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier run")
    before = Path.cwd()
    html = run(
        "good",
        inputs={"table": pa.table({"a": [1, 2]}), "record": {"n": 7}},
        parameters={"top": 9, "note": HOSTILE},
    )
    assert "acme 9 2 7 late" in html
    assert "[] work" in html, "the kernel starts in an empty folder of its own"
    assert "open('ran', 'w')" in html, "a value is text"
    assert "report_inputs" not in html, "code is hidden"
    assert "to the log" not in html
    assert "Acme &lt;b&gt;&amp; Söhne&lt;/b&gt; {0.__class__} {{ 7*7 }}" in html, "a title is never a template"
    assert Path.cwd() == before
    assert not stale.exists()
    assert not list(bare.rglob("ran"))


@pytest.mark.parametrize("slot", ["weekly/20261124T060000Z", None])
def test_it_says_for_which_slot_it_was_made(
    template, bare: Path, acme: Client, monkeypatch: pytest.MonkeyPatch, slot: str | None
) -> None:
    template("good", "# Weekly")
    monkeypatch.setattr(sys.modules["workbench.reports.render"], "_page", lambda *_: "")  # without a kernel
    monkeypatch.delenv("WORKBENCH_SLOT", raising=False)
    if slot:
        monkeypatch.setenv("WORKBENCH_SLOT", slot)
    assert render(bare, "good", client=acme, inputs={}, limits=Limits(60)).about["slot"] == slot


def test_a_cold_kernel_talks_in_the_reports_own_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a port, whoever reads the loopback could read a client's report."""
    from workbench.reports.kernel import ReportKernel, report_kernel

    monkeypatch.delenv("WORKBENCH_ZYGOTE", raising=False)
    monkeypatch.setattr(ReportKernel, "start_kernel", lambda *_, **__: None)
    for folder, transport in ((tmp_path / "short", "ipc"), (tmp_path / ("long" * 25), "tcp")):
        folder.mkdir()
        with report_kernel(folder, 60) as kernel:
            assert kernel.transport == transport
            assert transport == "tcp" or Path(kernel.ip).parent == folder


@pytest.fixture
def long_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the path of a socket may be."""
    folder = tmp_path / ("a" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.mark.usefixtures("long_temporary_folder")
def test_a_failing_cell_is_named_and_the_notebook_is_kept(template, code, run, failed) -> None:
    template("bad", "# Bad", code("print('first')"), "## The sum", code("total = 1\ntotal / 0"), code("print('last')"))
    with pytest.raises(ReportError) as raised:
        run("bad")
    assert str(raised.value).startswith("report bad: cell 5 (The sum), line 2: ZeroDivisionError: division by zero")
    assert str(failed("bad")) in str(raised.value)
    kept = nbformat.read(failed("bad"), as_version=4)
    assert any("first" in str(cell.get("outputs")) for cell in kept.cells)


def test_a_kernel_that_does_not_start_is_a_failure(template, run, failed, monkeypatch) -> None:
    monkeypatch.setattr("workbench.reports.kernel.ReportKernel.start_kernel", lambda *_, **__: 1 / 0)
    template("none", "# None")
    with pytest.raises(KernelLost, match=r"report none: the kernel was lost \(division by zero\)\. Next: open .*none"):
        run("none")
    assert not failed("none").exists()
    assert "The kernel came to no cell." in failed("none").with_suffix(".html").read_text()


def test_a_kernel_that_dies_before_it_begins_is_replaced_and_a_cell_that_fails_is_not_run_again(
    template, code, run, monkeypatch, tmp_path
) -> None:
    from workbench.reports.kernel import ReportKernel

    tries, real = [], ReportKernel.start_kernel

    def start(self, **options):
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise RuntimeError("no kernel today")
        return real(self, **options)

    monkeypatch.setattr(sys.modules["workbench.reports.render"], "FIRST_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(ReportKernel, "start_kernel", start)
    template("again", "# Again", code("print('it came')"))
    assert "it came" in run("again", retries=2)
    assert len(tries) == 2
    assert tries[1] - tries[0] >= 0.1, "after a while"
    template("wrong", "# Wrong", code(f"open({str(tmp_path / 'ran')!r}, 'a').write('x'); 1 / 0"))
    with pytest.raises(ReportError, match="division by zero"):
        run("wrong", retries=2)
    assert (tmp_path / "ran").read_text() == "x"


def test_a_kernel_sees_nothing_of_the_environment_but_what_is_on_the_list(template, code, run, monkeypatch) -> None:
    for name in ("DATABASE_URL", "ACME__KEY", "VAULT_TOKEN", "HTTPS_PROXY", "MLFLOW_TRACKING_PASSWORD", "ANYTHING"):
        monkeypatch.setenv(name, "postgresql://me:hunter22@db")
    monkeypatch.setenv("LC_TIME", "C.UTF-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    template(
        "look",
        "# Look",
        code("import os; print('seen:', ' '.join(sorted(os.environ)), '.')"),
        code("print('history:', get_ipython().history_manager.enabled)"),
    )
    html = run("look")
    assert "history: False" in html, "what a report ran is in nobody's history"
    seen = set(html.split("seen:")[1].split(" .")[0].split())
    assert {"PATH", "HOME", "LC_TIME", "OMP_NUM_THREADS", "PYTHONPATH", "MPLBACKEND"} <= seen
    assert not seen & {
        "DATABASE_URL",
        "ACME__KEY",
        "VAULT_TOKEN",
        "HTTPS_PROXY",
        "MLFLOW_TRACKING_PASSWORD",
        "ANYTHING",
    }


def test_a_secret_in_an_output_fails_the_report_and_is_named_but_not_shown(
    template, code, run, failed, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "canary-8f3a1c<&>")
    (tmp_path / "key").write_text("canary-8f3a1c<&>")  # a kernel does not have the variable
    shown = f"print(open({str(tmp_path / 'key')!r}).read())"
    template("leaks", "# Leaks", "## The settings", code(shown))
    with pytest.raises(ReportError, match="section 'The settings' holds the value of .* ACME_API_KEY") as raised:
        run("leaks")
    assert "canary" not in str(raised.value)
    assert not failed("leaks").exists(), "nor is a notebook kept that holds it"
    template("fails", "# Fails", code(shown), code("1 / 0"))
    with pytest.raises(ReportError, match="division by zero"):
        run("fails")
    for path in failed("fails").parent.iterdir():
        assert "canary" not in path.read_text(), path.name
    assert "[redacted]" in failed("fails").read_text()
    template("fine", "# Fine")
    for given in ({"inputs": {"record": {"x": "canary-8f3a1c<&>"}}}, {"parameters": {"note": "canary-8f3a1c<&>"}}):
        template("fine", "# Fine", parameters='client: str = ""\ninputs: str = ""\nnote: str = ""')
        with pytest.raises(ReportError, match="made from holds the value of"):
            run("fine", **given)


def test_a_failed_report_has_a_page_that_says_what_to_do_and_goes_when_it_succeeds(template, code, run, failed) -> None:
    template("page", "# Page", "## Sums <b>", code("import sys; print('<i>clue</i>', file=sys.stderr)"), code("1 / 0"))
    good = failed("page").parent.parent / "page.html"
    good.parent.mkdir(parents=True)
    good.write_text("the last good one")
    with pytest.raises(ReportError):
        run("page")
    page = failed("page").with_suffix(".html").read_text()
    for part in (
        "cell 5 (Sums &lt;b&gt;), line 1: ZeroDivisionError: division by zero",
        "&lt;i&gt;clue&lt;/i&gt;",
        "kedro report run page --clients acme",
        str(failed("page")),
        "it is untouched",
        "default-src 'none'",
    ):
        assert part in page, part
    assert good.read_text() == "the last good one"
    template("page", "# Page")
    run("page")
    assert list(failed("page").parent.iterdir()) == []


@pytest.mark.parametrize("refusal", [OSError("no"), StorageError("the disk is full")])
def test_why_a_report_failed_is_told_even_if_nothing_of_it_can_be_kept(
    template, run, failed, monkeypatch, refusal
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr("workbench.reports.kernel.ReportKernel.start_kernel", lambda *_, **__: 1 / 0)
    monkeypatch.setattr(sys.modules["workbench.reports.render"], "write_failure", refused)
    template("none", "# None")
    with pytest.raises(KernelLost, match="division by zero"):
        run("none")


def test_a_cell_that_takes_too_long_is_stopped(template, code, run) -> None:
    template("slow", "# Slow", code("print('quick')"), code("import time; time.sleep(60)"))
    started = time.monotonic()
    with pytest.raises(ReportError, match="one cell took longer than 1 s and was stopped at cell 4"):
        run("slow", cell_seconds=1)
    assert time.monotonic() - started < 30


def test_a_notebook_that_takes_too_much_memory_fails_and_the_machine_does_not(template, code, run) -> None:
    template("greedy", "# Greedy", code("x = bytearray(64 * 2**20); print(len(x))"), code("y = bytearray(600 * 2**20)"))
    with pytest.raises(ReportError, match="cell 4.*MemoryError"):
        run("greedy", memory_mb=300)


def test_leaving_with_sys_exit_is_a_failure(template, code, run) -> None:
    """papermill takes `sys.exit(0)` for success and leaves out the other cells."""
    template("left", "# Left", code("import sys\nsys.exit(0)"), code("print('never')"))
    with pytest.raises(ReportError, match=r"cell 3 \(Left\).*SystemExit"):
        run("left")


def test_a_report_that_hangs_is_stopped_with_everything_it_started(template, code, run, tmp_path) -> None:
    pids = tmp_path / "pids"
    template(
        "hangs",
        "# Hangs",
        code(
            "import os, signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
            "time.sleep(60)"
        ),
    )
    started = time.monotonic()
    with pytest.raises(ReportError, match=r"took longer than 5 s and was stopped at cell 3"):
        run("hangs", timeout_seconds=5)
    assert time.monotonic() - started < 30
    kernel, child = map(int, pids.read_text().split())
    assert _gone(kernel)
    assert _gone(child), "the kernel's child outlived it"


def test_a_killed_kernel_is_a_failure_and_its_children_go_with_it(template, code, run, failed, tmp_path) -> None:
    """papermill saves such a notebook as `completed`. Jupyter ends the group of a living kernel; this one is dead."""
    pid = tmp_path / "pid"
    template(
        "killed",
        "# Killed",
        code(
            "import os, signal, subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(pid)!r}, 'w').write(str(child.pid))\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        ),
    )
    with pytest.raises(ReportError, match=r"report killed: the kernel was lost at cell 3 \(Killed\)"):
        run("killed")
    assert _gone(int(pid.read_text()))
    statuses = [cell.metadata.papermill.status for cell in nbformat.read(failed("killed"), as_version=4).cells]
    assert set(statuses) == {"completed"}, "if this fails, papermill was corrected, and the guard may go"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"top = 1; import os #": 1}, "unknown parameter"),
        ({"tops": 1}, "did you mean 'top'"),
        ({"top": "3"}, "'top' must be int, not str"),
        ({"top": True}, "'top' must be int, not bool"),
        ({"client": "other"}, "'client' is filled in by the report itself"),
        ({"inputs": "/etc"}, "'inputs' is filled in by the report itself"),
    ],
)
def test_a_wrong_parameter_starts_no_kernel(template, run, monkeypatch, given, sentence) -> None:
    template("plain", "# Plain")
    monkeypatch.setattr(
        sys.modules["workbench.reports.render"], "execute", lambda *_, **__: pytest.fail("a kernel was started")
    )
    with pytest.raises(ConfigurationError, match=sentence):
        run("plain", parameters=given)


@pytest.mark.parametrize(
    "name", ["../plain", "/etc/passwd", "plain.ipynb", "a/b", "", ".", "plain\0", "p" * 300, "linked", "a-b"]
)
def test_only_a_template_of_the_folder_is_found(template, run, bare, tmp_path, name) -> None:
    path = template("plain", "# Plain")
    outside = tmp_path / "outside.ipynb"
    outside.write_bytes(path.read_bytes())
    (path.parent / "linked.ipynb").symlink_to(outside)
    (path.parent / "a-b.ipynb").write_bytes(path.read_bytes())
    (path.parent.parent / "plain.ipynb").write_bytes(path.read_bytes())
    with pytest.raises(ConfigurationError, match="does not exist"):
        run(name)


def test_the_templates_folder_may_not_lead_out_of_the_project(template, run, bare, tmp_path) -> None:
    template("plain", "# Plain")
    elsewhere = tmp_path / "elsewhere"
    (bare / "notebooks").rename(elsewhere)
    (bare / "notebooks").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="no template there"):
        run("plain")
