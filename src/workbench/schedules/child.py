"""The process that serves one slot, as the scheduler sees it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from workbench.fleet.ledger import state_folder
from workbench.schedules.slot import Slot

__all__ = ["SlotProcess", "log_of"]


def log_of(project: Path, slot: int) -> Path:
    """Where the processes of a slot write what they have to say."""
    return state_folder(project) / "logs" / "slots" / f"{slot}.log"


class SlotProcess:
    """One attempt at a slot.

    It leads a session of its own: Ctrl-C in the terminal reaches the scheduler alone. It is not ended when the
    scheduler is killed; the next scheduler finds it in the ledger, and waits for it.

    Args:
        project: the project's folder.
        slot: what it serves.
        command: the words before ``<client> <schedule> --due <instant>``.
        environ: its environment.
    """

    def __init__(self, project: Path, slot: Slot, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.slot = slot
        log = log_of(project, slot.number)
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [*command, slot.client, slot.schedule, "--due", slot.due.isoformat()]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                cwd=project,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal which ended it. What it had started is ended by then."""
        # Looked at first and waited for later: until then nobody else can get its number, and the group is surely its.
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.kill()
        return self._process.wait()

    def stop(self) -> None:
        """Ask it to end; it hands its slot back."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, and what it has started."""
        if self._process.returncode is None:  # else the number may be another's by now
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
