"""A real Airflow, in an environment of its own: ``make test-airflow``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin" / "airflow"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs ``airflow …`` on an SQLite database of its own; what it printed."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    own = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "AIRFLOW_HOME": str(home)}
    own |= {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags")}

    def run(*arguments: str, check: bool = True, program: str = "airflow") -> str:
        done = subprocess.run(
            [str(AIRFLOW.with_name(program)), *arguments],
            env=own,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"airflow {' '.join(arguments)}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout + done.stderr

    run("db", "migrate")
    run.dags = home / "dags"  # type: ignore[attr-defined]
    return run
