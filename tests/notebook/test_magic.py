"""``%client`` in a real IPython shell, in a process of its own: what it switches is global to the process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()

def run(line):
    with capture_output() as said:
        done = shell.run_cell(line)
    error = done.error_in_exec or done.error_before_exec
    return {"out": said.stdout.strip(), "error": type(error).__name__ if error else None, "text": str(error or "")}

def state():
    names = shell.user_ns
    path = str(names["catalog"].get("features").path) if "catalog" in names else None
    opened = getattr(names.get("client"), "id", None)
    env = names["context"].env if "context" in names else None
    return {"client": opened, "path": path, "env": env, "names": sorted(NAMES & set(names))}

NAMES = {"client", "catalog", "context", "session", "pipelines"}
steps = []
for line in json.load(sys.stdin):
    steps.append(run(line) | {"state": state()})
print("RESULT" + json.dumps(steps))
"""


@pytest.fixture
def shell(project: Path) -> Callable[..., list[dict[str, Any]]]:
    """Runs lines in a shell whose working directory is the project's ``notebooks/explore``, or another."""

    def run(*lines: str, where: Path = project / "notebooks" / "explore") -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=where,
            input=json.dumps(lines),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "RESULT" in done.stdout, done.stderr
        return json.loads(done.stdout.rpartition("RESULT")[2])

    return run


ALL = ["catalog", "client", "context", "pipelines", "session"]


def test_switching_changes_every_name_and_closes_the_old_tables(shell, project) -> None:
    # An alias: no client may have one.
    (project / "conf" / "clients" / "tradewinds" / "parameters.yml").write_text("a: &a [1]\nb: *a\n")
    loaded, none, clinic, table, skyways, old, unknown, hostile, broken = shell(
        "%load_ext workbench.notebook",
        "%client",
        "%client clinic",
        "from workbench.engines import connection; old = connection().create_table('t', {'a': [1]})",
        "%client skyways",
        "old.count().execute()",
        "%client skyway",
        "%client ../../etc",
        "%client tradewinds",
    )
    assert loaded["error"] is None
    assert none["out"] == "Open: no client. There are: clinic, skyways, tradewinds. Switch with `%client <client>`."
    assert clinic["error"] is None, clinic
    assert clinic["state"] == {
        "client": "clinic",
        "path": str(project / "data/clinic/04_feature/features.parquet"),
        "env": "clients/clinic",
        "names": ALL,
    }
    assert clinic["out"].endswith("Clinic: client, catalog, context, session and pipelines are those of 'clinic'.")
    assert table["error"] is None
    assert skyways["state"]["client"] == "skyways"
    assert skyways["state"]["path"] == str(project / "data/skyways/04_feature/features.parquet")
    assert "Tables that you loaded from 'clinic' are closed" in skyways["out"]
    assert old["error"], "a table of the old client can still be read"
    for refused in (unknown, hostile):
        assert refused["error"] == "UsageError", "one line, no traceback"
        assert refused["state"] == skyways["state"], "a wrong name must leave the open client open"
    assert "did you mean 'skyways'?" in unknown["text"]
    assert "is not a client id" in hostile["text"]
    assert broken["error"]
    assert broken["state"]["names"] == [], "no client is open, rather than the old one under a new impression"


def test_outside_of_a_project_it_says_so(shell, tmp_path) -> None:
    loaded, refused = shell("%load_ext workbench.notebook", "%client clinic", where=tmp_path)
    assert loaded["error"] is None
    assert refused["error"] == "UsageError"
    assert "lies in no project" in refused["text"]


@pytest.mark.slow
def test_a_kernel_of_kedro_knows_the_magic(shell, project) -> None:
    """Kedro's extension finds it as an entry point: `kedro jupyter` and `kedro ipython` start with nothing else."""
    _, clinic, unknown = shell("%load_ext kedro.ipython", "%client clinic", "%client clinik")
    assert clinic["error"] is None
    assert clinic["state"]["client"] == "clinic"
    assert "did you mean 'clinic'?" in unknown["text"]
