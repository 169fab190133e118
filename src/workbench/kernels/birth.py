"""How a fork of the zygote becomes a process like any other, and a kernel."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.kernels.wire import Request

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["become", "plain_settings", "run_kernel"]

_TRAIT = re.compile(r"--(?P<owner>[A-Z]\w*)\.(?P<trait>[a-z_]\w*)=(?P<value>.*)", re.DOTALL)

INLINE = "module://matplotlib_inline.backend_inline"
"""The backend that ipykernel names in the environment of a kernel that names none; Matplotlib has read that already."""


def become(request: Request, descriptors: Sequence[int]) -> None:
    """Take on session, descriptors, environment, working directory and random state of one's own.

    Args:
        request: what to become.
        descriptors: the first three become standard input, output and error; others stay what they are.
    """
    os.setsid()
    for kind in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    os.chdir(request.cwd)
    _paths(request.environment.get("PYTHONPATH", ""))
    _numpy_random()
    _matplotlib_backend()


def run_kernel(arguments: Sequence[str], on_listening: Callable[[], None]) -> None:
    """What ``python -m ipykernel_launcher`` does; returns when the kernel is shut down.

    Args:
        arguments: ipykernel's.
        on_listening: called when its sockets are bound. A client that connects before tries again only after a tenth of
            a second (ZeroMQ's ``ZMQ_RECONNECT_IVL``).
    """
    from ipykernel.kernelapp import IPKernelApp

    from workbench.kernels.application import ForkedApp

    # A kernel ends itself when its parent is gone. That is the zygote, whoever asked for it, and ipykernel has read the
    # environment already.
    parent = os.environ["JPY_PARENT_PID"] = str(os.getppid())
    sys.argv = ["ipykernel_launcher", *arguments]
    arguments = [*arguments, f"--IPKernelApp.parent_handle={parent}"]
    settings = plain_settings(arguments)
    if settings is None:  # it is ipykernel's to read, and no application may be there yet
        ForkedApp.clear_instance()
    app = IPKernelApp.instance()
    if settings is not None:
        app.update_config(settings)
    app.initialize(arguments)  # type: ignore[no-untyped-call]
    on_listening()
    app.start()  # type: ignore[no-untyped-call]


def plain_settings(arguments: Sequence[str]) -> Config | None:
    """What ipykernel would make of its command line, if that has nothing but ``-f FILE`` and ``--Class.trait=value``.

    Jupyter gives no more than that. The parser of traitlets first adds every flag and alias that there is, which takes
    a sixth of a kernel's start.

    Returns:
        None for any other command line: that is ipykernel's own to read.
    """
    from traitlets.config import Config
    from traitlets.config.loader import DeferredConfigString

    settings, rest = Config(), list(arguments)
    while rest:
        word = rest.pop(0)
        found = _TRAIT.fullmatch(word)
        if word == "-f" and rest:
            settings.IPKernelApp.connection_file = DeferredConfigString(rest.pop(0))
        elif found and found["trait"] not in settings[found["owner"]]:
            settings[found["owner"]][found["trait"]] = DeferredConfigString(found["value"])
        else:
            return None
    return settings


def _paths(python_path: str) -> None:
    new = [path for path in python_path.split(os.pathsep) if path and path not in sys.path]
    sys.path[:0] = new


def _numpy_random() -> None:
    """Python's own generator is seeded anew in each fork; NumPy's is not."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _matplotlib_backend() -> None:
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        matplotlib.rcParams["backend"] = os.environ.get("MPLBACKEND") or INLINE
