"""A server of a client's champion: a child process, and a parent that tells it when another version became champion.

The child is what a container runs, so that neither Kedro nor MLflow takes its memory; the parent asks the registry
every two seconds, and writes the traffic file. A version that cannot be served leaves the one before in force.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.clients import Client
from workbench.errors import ModelError, Terminal, WorkbenchError
from workbench.files import write_text
from workbench.serving.traffic import Traffic, one_version

__all__ = ["Child", "Located", "follow", "left_out", "start"]

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""Between two questions to the registry."""


@dataclass(frozen=True)
class Located:
    """A version's files.

    Attributes:
        version: its number.
        artifact: the folder that the registry keeps of it.
        sha256: of the model's own folder.
    """

    version: int
    artifact: Path
    sha256: str

    @property
    def traffic(self) -> Traffic:
        """All requests to it."""
        return one_version(str(self.version), str(self.artifact), self.sha256)


@dataclass
class Child:
    """A server that was started.

    Attributes:
        process: it.
        folder: with what it is told: traffic and settings.
        address: without a slash at its end.
    """

    process: subprocess.Popen[bytes]
    folder: Path
    address: str

    def serve(self, located: Located) -> None:
        """Let it serve that version; it says itself how that went."""
        write_text(self.folder / "traffic.json", located.traffic.model_dump_json(indent=1) + "\n")

    def example(self) -> dict[str, Any]:
        """A request that it would answer."""
        with _asked(f"{self.address}/openapi.json", 10) as answer:
            document = json.load(answer)
        content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
        example: dict[str, Any] = content["schema"]["example"]
        return example

    def stop(self) -> int:
        """Ask it to end, and wait until it has answered what is under way."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def left_out(client: Client) -> list[str]:
    """Columns that a prediction log must not hold: who a row is about, and to which group they belong."""
    return sorted({*client.key, *client.personal, *client.protected})


def start(
    client: Client, located: Located, folder: Path, log: Path, *, host: str, port: int, workers: int | None = None
) -> Child:
    """Start a server, and wait until it is ready.

    Args:
        client: whose model it is.
        located: the version to begin with.
        folder: a folder of its own, for what the two tell each other.
        log: the prediction log; servers of one client may share it.
        host: address to listen on.
        port: 0 takes a free one.
        workers: processes that serve; None: as the client's configuration says.

    Raises:
        ModelError: it ended before; it has said why.
    """
    ready, settings = folder / "ready.json", folder / "settings.json"
    ready.unlink(missing_ok=True)
    write_text(settings, client.serving.model_dump_json(indent=1) + "\n")
    traffic = folder / "traffic.json"
    write_text(traffic, located.traffic.model_dump_json(indent=1) + "\n")
    command = [sys.executable, "-m", "workbench.serving", "--name", client.id, "--host", host, "--port", str(port)]
    command += ["--traffic", str(traffic), "--settings", str(settings), "--ready-file", str(ready)]
    command += ["--with-parent", str(os.getpid())]
    command += ["--prediction-log", str(log)]
    if workers is not None:
        command += ["--workers", str(workers)]
    command += [word for column in left_out(client) for word in ("--leave-out", column)]
    # A group of its own: Ctrl-C reaches the parent alone, which then ends the child in good order.
    process = subprocess.Popen(command, process_group=0)
    try:
        return Child(process, folder, _address(process, ready))
    except BaseException:
        if process.poll() is None:
            process.terminate()
        process.wait()
        raise


def follow(child: Child, located: Located, champion: Callable[[], int | None], locate: Callable[[], Located]) -> int:
    """Wait for the child's end; whenever another version is champion, let it serve that. Gives the exit code."""
    served = tried = located.version
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.process.wait(SECONDS)
        version = tried
        try:
            version = champion() or tried
            if version == tried:
                continue
            now = locate()
            child.serve(now)
            served = tried = now.version
            logger.warning("version %d is champion, and will be served", served)
        except WorkbenchError as error:
            logger.warning("%s; version %d goes on", error, served)
            if isinstance(error, Terminal):
                tried = version  # what may pass is tried again at the next question


def _address(process: subprocess.Popen[bytes], ready: Path) -> str:
    """Where the child answers, once it is ready."""
    while process.poll() is None:
        if ready.exists():
            found = json.loads(ready.read_text())
            host = "127.0.0.1" if found["host"] == "0.0.0.0" else found["host"]  # noqa: S104 - to ask, not to listen
            address = f"http://[{host}]:{found['port']}" if ":" in host else f"http://{host}:{found['port']}"
            with suppress(OSError), _asked(f"{address}/v2/health/ready", 5):
                return address
        time.sleep(0.05)
    raise ModelError(f"the server ended with exit code {process.returncode}", hint="read what it has said above")


def _asked(address: str, seconds: float) -> Any:
    """What the child answers; a proxy that the environment names has no business on loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=seconds)


def forward(child: Child, numbers: Sequence[signal.Signals] = (signal.SIGHUP,)) -> None:
    """Hand signals on."""
    for number in numbers:
        signal.signal(number, lambda sent, _: os.kill(child.process.pid, sent))
