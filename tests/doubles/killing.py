"""Actions that are killed right after a remote call had its effect, and before its answer came."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from double_service import Fault, Service, in_child

__all__ = ["killed_after", "killed_at_each_call"]


def killed_after(service: Service, action: Callable[[], object], call: int) -> bool:
    """Run an action in a process that is killed after so many calls and one more; whether it came that far."""
    read, write = os.pipe()
    service.faults[:] = [Fault("", skip=call, kill=lambda: int(os.read(read, 20)))]

    def child() -> None:
        os.write(write, str(os.getpid()).encode())
        action()

    status = in_child(child)
    os.close(read)
    os.close(write)
    service.faults[:] = []
    assert status in {0, -signal.SIGKILL}
    return status != 0


def killed_at_each_call(service: Service, action: Callable[[], object]) -> int:
    """Run an action that is killed after its first call, then again after its second, … until one comes to its end."""
    for call in range(400):
        if not killed_after(service, action, call):
            return call
    raise AssertionError("it never came to its end")
