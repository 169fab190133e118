"""A server in a process of its own, from which nothing that its container lacks can be imported."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Server", "running"]

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parents[1] / "deploy/docker/serving/requirements.txt"


@cache
def not_in_the_container() -> frozenset[str]:
    """Names to import that are installed here, and are none of what deploy/docker/serving installs."""
    held = {"smithright-workbench"}
    wanted = [
        (Requirement(line), frozenset[str]())
        for line in REQUIREMENTS.read_text().splitlines()
        if line and line[0] != "#"
    ]
    while wanted:
        requirement, extras = wanted.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        new = name not in held
        held.add(name)
        if new or requirement.extras:
            found = [Requirement(text) for text in distribution(name).requires or ()]
            wanted += [(one, frozenset(requirement.extras) | {""}) for one in found]
    return frozenset(
        module
        for module, owners in packages_distributions().items()
        if not held & {canonicalize_name(owner) for owner in owners}
    )


@dataclass
class Server:
    """A server in a process of its own, from which nothing that a container lacks can be imported."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    traffic: Path | None
    opened: list[http.client.HTTPConnection] = field(default_factory=list)

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, parsed body, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})} if content is not None else headers or {}
        try:
            connection.request(method or ("POST" if content is not None else "GET"), path, content, sent)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(raw) if "json" in found.get("content-type", "") and raw else raw, found

    def status(self) -> dict[str, Any]:
        return self.ask("/v2/health/status")[1]

    def until(self, reached: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        """Wait for a state of the status page."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            status = self.status()
            if reached(status):
                return status
            time.sleep(0.05)
        pytest.fail(f"not reached: {status}")

    def peak_bytes(self) -> int:
        """The most memory that it ever held."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024

    def log(self) -> str:
        return (self.folder / "stderr.txt").read_text()


@contextmanager
def running(folder: Path, *arguments: str, environ: dict[str, str] | None = None, **settings: Any) -> Iterator[Server]:
    """Start a server and wait until it is ready; end it, if it has not ended."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, stderr = folder / "ready.json", folder / "stderr.txt"
    ready.unlink(missing_ok=True)
    command = [
        sys.executable,
        str(HERE / "blocked_main.py"),
        "--name",
        "tiny",
        "--port",
        "0",
        "--ready-file",
        str(ready),
    ]
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("AIP_", "OTEL_", "WORKBENCH_"))}
    blocked = folder / "blocked.json"
    blocked.write_text(json.dumps(sorted(not_in_the_container())))
    variables["BLOCKED_MODULES"] = str(blocked)
    if settings:
        variables["WORKBENCH_SERVING"] = json.dumps(settings)
    with stderr.open("wb") as stream:
        process = subprocess.Popen([*command, *arguments], env=variables | (environ or {}), stderr=stream, cwd=folder)
    try:
        port = _port(process, ready, stderr)
        traffic = Path(arguments[arguments.index("--traffic") + 1]) if "--traffic" in arguments else None
        server = Server(folder, process, port, traffic)
        server.until(lambda status: status["state"] == "ready", seconds=60)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(20)


def _port(process: subprocess.Popen[bytes], ready: Path, stderr: Path) -> int:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if ready.exists():
            return int(json.loads(ready.read_text())["port"])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    pytest.fail(f"the server did not start: {stderr.read_text()}")
