"""Processes that are killed after a remote call."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from double_service import Fault, Service, in_child

__all__ = ["CHANGES", "killed_after", "killed_again_and_again", "killed_at_each_call"]

CHANGES = "^(POST|PUT|PATCH|DELETE) "
"""The calls that change something."""


def killed_after(service: Service, action: Callable[[], object], on: str = "", *, skip: int = 0) -> bool:
    """Run an action in a process that is killed when a call has had its effect, and before it has an answer.

    Args:
        service: what is called; its script of faults is overwritten, and empty afterwards.
        action: what is done; opens what it needs itself.
        on: the calls that count, as in :class:`double_service.Fault`.
        skip: so many of them pass.

    Returns:
        Whether it was killed; if not, it has come to its end.
    """
    read, write = os.pipe()
    service.faults[:] = [Fault(on, skip=skip, kill=lambda: int(os.read(read, 20)))]

    def child() -> None:
        os.write(write, str(os.getpid()).encode())
        action()

    status = in_child(child)
    os.close(read)
    os.close(write)
    service.faults.clear()
    assert status in {0, -signal.SIGKILL}
    return status != 0


def killed_again_and_again(service: Service, action: Callable[[], object], on: str, most: int = 200) -> int:
    """Run an action again and again, killed after its first call of a kind each time, until one comes to its end.

    With ``on`` the calls that change something, each of them is the last that a run has made: the next run has to know
    what it did. How many were killed.
    """
    for killed in range(most):
        if not killed_after(service, action, on):
            return killed
    raise AssertionError("it never came to its end")


def killed_at_each_call(service: Service, action: Callable[[], object], most: int = 400) -> int:
    """Run an action that is killed after its first call, then again after its second, … until one comes to its end."""
    for call in range(most):
        if not killed_after(service, action, skip=call):
            return call
    raise AssertionError("it never came to its end")
