"""Every notebook runs from the top to the end, in its own folder, on a client's real data, as a person would run it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.kernels.spec import SHARE
from workbench.notebook.create import create, plan, template_names


def nbval(project: Path, *notebooks: str) -> subprocess.CompletedProcess[str]:
    kernel = ["--nbval-kernel-name=workbench_warm", "--nbval-cell-timeout=120"]
    options = ["--nbval-lax", *kernel, "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", ".", *notebooks],
        cwd=project,
        env=os.environ | {"JUPYTER_PATH": str(SHARE)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_cell_that_fails_after_a_client_was_opened_is_seen(clinic_copy: Path) -> None:
    path = clinic_copy / "notebooks" / "explore" / "03_from_notebook_to_pipeline.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code[-1]["source"] = ["raise RuntimeError('planted')"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    done = nbval(clinic_copy, str(path.relative_to(clinic_copy)))
    assert done.returncode == 1, done.stdout
    assert "planted" in done.stdout


def test_the_notebooks_run_and_write_what_kedro_run_wrote(clinic_copy: Path) -> None:
    features = clinic_copy / "data" / "clinic" / "04_feature" / "features.parquet"
    before, written = hashlib.sha256(features.read_bytes()).hexdigest(), features.stat().st_mtime_ns
    # The templates as a person meets them: made for a client, in that client's folder.
    for template in template_names(clinic_copy):
        create(clinic_copy, plan(clinic_copy, template, "clinic"))
    # Of another client there is no data here, so what a person keeps for one is not run.
    paths = [
        path.relative_to(clinic_copy)
        for pattern in ("explore/*.ipynb", "explore/clinic/*.ipynb", "reports/*.ipynb")
        for path in sorted((clinic_copy / "notebooks").glob(pattern))
    ]
    done = nbval(clinic_copy, *map(str, paths))
    assert done.returncode == 0, done.stdout + done.stderr
    cells = sum(
        cell["cell_type"] == "code"
        for path in paths
        for cell in json.loads((clinic_copy / path).read_text(encoding="utf-8"))["cells"]
    )
    assert f"{cells} passed" in done.stdout
    assert features.stat().st_mtime_ns > written, "03_from_notebook_to_pipeline runs the node"
    assert hashlib.sha256(features.read_bytes()).hexdigest() == before, (
        "a notebook and `kedro run` write the same bytes"
    )
