"""The server's process: started apart from the command that starts it, and found again by the file that it reads."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry
from workbench.errors import TargetError
from workbench.files import write_text
from workbench.fleet.environment import worker_environment

__all__ = ["ServerProcess"]

_SHOWN = 300


@dataclass(frozen=True)
class ServerProcess:
    """The server of one client's local target.

    Attributes:
        project: the project's folder.
        client: whose.
        folder: what it reads and writes: ``traffic.json``, ``serving.json``, ``ready.json``, ``server.log``.
        port: on 127.0.0.1.
    """

    project: Path
    client: str
    folder: Path
    port: int

    @property
    def traffic(self) -> Path:
        """The file that says which versions are served."""
        return self.folder / "traffic.json"

    @property
    def ready(self) -> Path:
        """The file in which the server says where it listens, and who it is."""
        return self.folder / "ready.json"

    @property
    def log(self) -> Path:
        """What it says of itself."""
        return self.folder / "server.log"

    def find(self) -> int | None:
        """Its pid, if it runs: one process that reads this target's file, whoever started it and did not live on."""
        pid = self._pid()
        return pid if pid is not None and self._is_ours(pid) else None

    def port_in_use(self) -> int | None:
        """Where the server listens, as it says itself."""
        port = self._said().get("port")
        return port if isinstance(port, int) else None

    def start(self, settings: str, more: tuple[str, ...] = ()) -> int:
        """Start it; it lives on when this process ends.

        Args:
            settings: the section ``serving`` of the client's configuration, as JSON.
            more: further arguments.

        Returns:
            Its pid. That it runs does not mean that it can serve yet.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ready.unlink(missing_ok=True)
        write_text(self.folder / "serving.json", settings)
        command = [sys.executable, "-m", "workbench.serving", "--name", self.client, "--port", str(self.port)]
        command += ["--traffic", str(self.traffic), "--ready-file", str(self.ready)]
        command += ["--settings", str(self.folder / "serving.json"), *more]
        environment = worker_environment(os.environ, self.client, ClientRegistry(self.project).ids(), 1)
        # A session of its own: what is typed at the terminal of whoever started it does not reach it.
        writes = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), writes, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawn(sys.executable, command, environment, file_actions=files, setsid=True)

    def stop(self) -> None:
        """Ask it to end; it finishes what is under way first."""
        pid = self.find()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def is_alive(self, pid: int) -> bool:
        """Whether a process that was started here runs; one that ended is seen off."""
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return False
        return self._is_ours(pid)

    def complaint(self) -> TargetError:
        """Why it did not come up, by its own last words."""
        said = ""
        with suppress(OSError):
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            said = next((line for line in reversed(lines) if line.startswith("Error: ")), lines[-1] if lines else "")
        return TargetError(
            f"the server ended before it could serve: {said.removeprefix('Error: ')[:_SHOWN] or 'it said nothing'}",
            where=f"client {self.client}, 127.0.0.1:{self.port}",
            hint=f"read {self.log.relative_to(self.project)}",
        )

    def _said(self) -> dict[str, Any]:
        try:
            said = json.loads(self.ready.read_bytes())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _pid(self) -> int | None:
        pid = self._said().get("pid")
        return pid if isinstance(pid, int) and pid > 1 else None

    def _is_ours(self, pid: int) -> bool:
        """Whether a pid is that of a server of this target; pids are used again, so its command line is asked."""
        import psutil

        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and str(self.traffic) in process.cmdline()
        except psutil.Error:
            return False
