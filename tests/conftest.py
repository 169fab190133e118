"""What all tests share: a project of their own, and one on which the whole pipeline was run once."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
KEDRO = [sys.executable, "-m", "kedro"]

# Set before anything is imported, and inherited by every process that a test starts.
os.environ.update(
    DO_NOT_TRACK="1",
    MLFLOW_DISABLE_TELEMETRY="true",
    OMP_NUM_THREADS="1",
    OMP_WAIT_POLICY="PASSIVE",
    MPLBACKEND="agg",
)

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, and no judgement by the clock: a busy machine is no fault of the code.
hypothesis.settings.register_profile(
    "workbench", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("workbench")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest --live tests/targets``: real accounts in place of the doubles, as docs/targets.md says."""
    parser.addoption("--live", action="store_true", help="use the accounts whose credentials are in the environment")


TOGETHER = ("tests/hosted", "tests/serving", "tests/targets/databricks", "tests/targets/vertex", "tests/ui")
"""Folders whose tests import for seconds what no others do, or share what takes seconds to make."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What tests of a file or a folder share is imported and made once: they go to one process, one after the other.

    So nothing comes between them, either, that would close the engine to which a table of theirs belongs.
    """
    for item in items:
        place = _shared_by(item)
        if place:
            item.add_marker(pytest.mark.xdist_group(place))


def _shared_by(item: pytest.Item) -> str:
    """The folder or the file with whose other tests this one shares something; "" if there is none."""
    file = item.path.relative_to(ROOT).as_posix()
    folder = next((one for one in TOGETHER if file.startswith(f"{one}/")), "")
    known = getattr(item, "_fixtureinfo", None)
    made = [one for several in (known.name2fixturedefs.values() if known else ()) for one in several]
    # Fixtures of a session that are not for all tests are those of a folder.
    folders = [one.baseid for one in made if one.scope == "session" and "/" in one.baseid]
    return folder or min(folders, key=len, default=file if any(one.scope == "module" for one in made) else "")


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[None]:
    """Reports that tests have rendered run on kernels of one zygote, which costs nothing until the first is.

    It belongs to the process that was started first; those that xdist starts have its address from the environment.
    """
    if not hasattr(session.config, "workerinput"):
        from workbench.kernels.preload import FOR_REPORTS
        from workbench.kernels.process import shared_zygote

        zygote = shared_zygote(FOR_REPORTS)
        zygote.__enter__()
        session.config.add_cleanup(lambda: zygote.__exit__(None, None, None))
    return (yield)


@pytest.fixture
def silent_keyboard() -> Iterator[None]:
    """Standard input is a terminal at which nobody types: who reads from it waits for ever."""
    reader, writer = os.pipe()
    before = os.dup(0)
    os.dup2(reader, 0)
    yield
    os.dup2(before, 0)
    for descriptor in (reader, writer, before):
        os.close(descriptor)


def make_project(folder: Path) -> Path:
    """An empty project: this one's code and configuration, no data, no models, no store."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    # A copy, since Kedro refuses a source folder outside of the project; with the compiled files, which saves a second.
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project of this test's own."""
    return make_project(tmp_path / "project")


@pytest.fixture
def kedro() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``kedro …`` in a project as a person would: ``kedro(project, "run", "--env", "clients/clinic")``."""

    def run(project: Path, *arguments: str, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*KEDRO, *arguments], cwd=project, capture_output=True, text=True, timeout=300, check=False, **options
        )
        if check and done.returncode != 0:
            pytest.fail(f"kedro {' '.join(arguments)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return run


@pytest.fixture(scope="session")
def clinic_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on which ``kedro run --env clients/clinic`` ran, once for all test processes. Do not write to it."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "clinic_project"
    with (shared / "clinic_project.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "log.txt").exists():
            make_project(folder)
            done = subprocess.run(
                [*KEDRO, "run", "--env", "clients/clinic"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode != 0:
                shutil.rmtree(folder)
                pytest.fail(f"kedro run --env clients/clinic failed\n{done.stdout}\n{done.stderr}")
            (folder / "log.txt").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture
def clinic_copy(clinic_project: Path, tmp_path: Path) -> Path:
    """A copy of ``clinic_project`` that a test may change."""
    # What SQLite keeps beside a file comes and goes while another process reads it; all that was written is in the file.
    ignored = shutil.ignore_patterns("*-shm", "*-wal")
    return Path(shutil.copytree(clinic_project, tmp_path / "clinic_copy", symlinks=True, ignore=ignored))
