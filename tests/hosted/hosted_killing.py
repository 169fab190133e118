"""A process that is killed after one of its remote calls."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from double_service import Fault, in_child

__all__ = ["killed_at"]


def killed_at(call: int, action: Callable[[], Any], *services: Any, on: str = "") -> int:
    """Run an action in a process that gets SIGKILL once its call of that number has had its effect; how it ended.

    Calls are counted over all of the services; with ``on``, a regular expression, those alone that it is found in.
    """
    read, write = os.pipe()
    fault = Fault(on, skip=call, kill=lambda: int(os.read(read, 20)))
    for service in services:
        service.faults[:] = [fault]

    def child() -> None:
        os.write(write, str(os.getpid()).encode())
        action()

    try:
        return in_child(child)
    finally:
        os.close(read)
        os.close(write)
        for service in services:
            service.faults.clear()
