"""Nothing may run in a zygote that a fork would lose."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import KernelError
from workbench.kernels import preload as module
from workbench.kernels.preload import MODULES, QUIET
from workbench.kernels.process import SOURCE, ZygoteProcess, start_kernel
from workbench.kernels.wire import Request

PRELOAD = "import sys; from workbench.kernels.preload import preload; print(*preload(sys.argv[1:]))"


def preload(*modules: str, beside: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = [SOURCE, *([str(beside)] if beside else [])]
    return subprocess.run(
        [sys.executable, "-c", PRELOAD, *modules],
        env=os.environ | QUIET | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_what_notebooks_import_can_be_forked() -> None:
    done = preload(*MODULES)
    assert done.stdout.split() == list(MODULES), done.stderr


def test_a_template_imports_nothing_that_was_not_there_before_the_fork() -> None:
    templates = sorted((Path(__file__).parents[2] / "notebooks" / "reports").glob("*.ipynb"))
    cells = [cell for template in templates for cell in json.loads(template.read_text())["cells"]]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(imports) >= len(templates)
    look = """import sys
from workbench.kernels.preload import FOR_REPORTS, preload
preload(FOR_REPORTS)
before = set(sys.modules)
exec(sys.argv[1])
from workbench.reports.style import picture
with picture(alt=""):
    pass
print(*sorted(set(sys.modules) - before), sep="\\n")"""
    done = subprocess.run(
        [sys.executable, "-c", look, "\n".join(map(ast.unparse, imports))],
        env=os.environ | QUIET,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split(), "each kernel would import these"


def test_a_function_is_called_and_a_thread_that_it_leaves_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ready.py").write_text(
        "import _thread, time\ndef say(): print('called')\ndef run(): _thread.start_new_thread(time.sleep, (60,))\n"
    )
    assert preload("ready:say", beside=tmp_path).stdout.split() == ["called", "ready:say"]
    assert "'ready:run' leaves 1 threads running" in preload("ready:run", beside=tmp_path).stderr


@pytest.mark.parametrize(
    "code",
    [
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "import _thread, time; _thread.start_new_thread(time.sleep, (60,))",
    ],
)
def test_a_module_that_leaves_a_thread_is_refused(code: str, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(code)
    done = preload("busy", beside=tmp_path)
    assert done.returncode
    assert "'busy' leaves" in done.stderr
    assert "take it out of the list of modules" in done.stderr


def test_a_thread_that_ends_by_itself_is_waited_for(tmp_path: Path) -> None:
    """As is one that has not run yet, and so does not bear its own name: on a busy machine that takes a while."""
    (tmp_path / "brief.py").write_text(
        "import threading, time, warnings; threading.Thread(target=time.sleep, args=(0.3,)).start()\n"
        "warnings.warn('it is told in the notebook')\n"
    )
    done = preload("brief", beside=tmp_path)
    assert (done.stdout.split(), done.stderr) == (["brief"], "")


def test_a_thread_that_ended_while_it_was_looked_for_is_none() -> None:
    assert module._name_of("4194305") in module._SOUND


def test_a_module_that_is_not_there_is_left_out() -> None:
    assert preload("json", "no_such_module").stdout.split() == ["json"]


def test_who_asks_a_zygote_that_failed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], environment: dict[str, str]
) -> None:
    (tmp_path / "busy.py").write_text("import _thread, time; _thread.start_new_thread(time.sleep, (60,))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    zygote = ZygoteProcess(["busy"])
    with pytest.raises(KernelError, match="could not make a kernel|does not answer"):
        start_kernel(zygote.address, Request([], "/", environment), [0, 1, 2])
    zygote.close()
    assert "'busy' leaves 1 threads running" in capfd.readouterr().err
