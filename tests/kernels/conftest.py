"""One zygote for the tests of this folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from workbench.kernels.process import WarmProcess, ZygoteProcess, start_kernel
from workbench.kernels.wire import Request


@pytest.fixture(scope="session")
def zygote() -> Iterator[ZygoteProcess]:
    made = ZygoteProcess()
    yield made
    made.close()


@pytest.fixture(scope="session")
def fork_says() -> Callable[[Callable[[], bool]], bool]:
    """What a check says in a fork of this process, which has no children of anybody's."""

    def ask(check: Callable[[], bool]) -> bool:
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(0 if check() else 1)
            os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return ask


@pytest.fixture
def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@pytest.fixture
def kernel(zygote: ZygoteProcess, tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., WarmProcess]]:
    """Starts kernels that no client talks to; they are killed at the end."""
    started = []

    def start(**changes: Any) -> WarmProcess:
        arguments = ["-f", str(tmp_path / f"kernel-{len(started)}.json")]
        request = {"arguments": arguments, "cwd": str(tmp_path), "environment": environment} | changes
        started.append(start_kernel(zygote.address, Request(**request), [0, 1, 2]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(20)


@pytest.fixture
def linux() -> None:
    assert sys.platform == "linux", "these tests look into /proc"
