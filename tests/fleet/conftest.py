"""A project of three clients, copied for each test, and what a test asks about processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of ``tiny_project``: clients alpha, beta and gamma; pipelines act and gate."""
    return Path(shutil.copytree(Path(__file__).parent / "tiny_project", tmp_path / "tiny"))


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true; half a minute is more than any of it takes."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        pytest.fail("it did not become true within 30 s")

    return wait


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """Whether a process runs; a zombie does not."""

    def check(pid: int) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
        return False

    return check
