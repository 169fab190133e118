"""Every notebook runs from the top to the end, in its own folder, on a client's real data, as a person would run it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path


def test_the_notebooks_run_and_write_what_kedro_run_wrote(clinic_copy: Path) -> None:
    features = clinic_copy / "data" / "clinic" / "04_feature" / "features.parquet"
    before, written = hashlib.sha256(features.read_bytes()).hexdigest(), features.stat().st_mtime_ns
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *nbval, "--rootdir", ".", "notebooks"],
        cwd=clinic_copy,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cells = sum(
        cell["cell_type"] == "code"
        for path in clinic_copy.glob("notebooks/*/*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )
    assert f"{cells} passed" in done.stdout
    assert features.stat().st_mtime_ns > written, "03_from_notebook_to_pipeline runs the node"
    assert hashlib.sha256(features.read_bytes()).hexdigest() == before, (
        "a notebook and `kedro run` write the same bytes"
    )
