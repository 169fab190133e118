"""Processes that are killed (SIGKILL) at a function call, of a script that a test starts as a process of its own.

The script imports everything, opens nothing, and forks a child for each attempt. The kill is Python's own profiler
(``sys.setprofile``), which sees every call; nothing in the product knows of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

__all__ = ["NEVER", "forked", "told_by"]

NEVER = 10**9
"""A place that no run comes to."""

ROOT = Path(__file__).parents[2]


def told_by(script: Path, asked: dict[str, Any], timeout: float) -> list[dict[str, Any]]:
    """Run a script with one JSON argument; the JSON objects that it prints, one a line."""
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(asked)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)])},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def forked(act: Callable[[], Any], place: int = 0, watched: Collection[str] = ()) -> dict[str, Any]:
    """Run something in a child; what it returned, or that it was killed.

    Args:
        act: returns what JSON can hold.
        place: at which of the watched calls, counted from 1, the child dies; 0 is not at all.
        watched: parts of the paths of the files whose functions count.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            calls = _kill_at(place, watched) if place else lambda: 0
            result = act()
            sys.setprofile(None)
            said = {"result": result, "calls": calls()}
        except Exception as error:  # noqa: BLE001 - a child has no other way to say it
            said = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = json.loads(pipe.read() or b"{}")
    _, status = os.waitpid(child, 0)
    return {**said, "killed": os.WIFSIGNALED(status)}


def _kill_at(place: int, watched: Collection[str]) -> Callable[[], int]:
    """Let this process die at the n-th watched call; gives a function that says how many there were."""
    seen = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal seen
        if event == "call" and any(part in frame.f_code.co_filename for part in watched):
            seen += 1
            if seen == place:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    return lambda: seen
