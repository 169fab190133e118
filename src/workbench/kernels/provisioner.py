"""The kernel provisioner ``workbench-warm``: a kernelspec that names it gets forks of a zygote.

https://jupyter-client.readthedocs.io/en/stable/provisioning.html. All but the start is the local provisioner's: signals
go to the kernel's process group, shutdown is asked for and then enforced.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from workbench.errors import KernelError
from workbench.kernels.process import SOURCE, WarmProcess, address_here, start_kernel
from workbench.kernels.wire import Request
from workbench.scratch import private_path

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

__all__ = ["LONGEST_FOLDER", "NAME", "WarmProvisioner"]

NAME = "workbench-warm"
"""As in pyproject.toml, and in the ``metadata`` of a kernelspec."""

LONGEST_FOLDER = 80
"""The path of a socket may have about a hundred characters; under a longer ``TMPDIR``, a kernel talks over ports."""

_LAUNCHER = ["-m", "ipykernel_launcher"]


class WarmProvisioner(LocalProvisioner):
    """Forks a kernel where it can, and starts a cold one where it cannot; the log says why."""

    process: Any = None  # a WarmProcess, or a Popen
    _folder: str | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare a launch: the kernel shall talk over sockets in a folder that only this user can enter.

        Over ports, what a kernel says could be read by whoever reads the loopback, and ipykernel warns of that on each
        start.
        """
        manager = self.parent
        if manager is not None and manager.transport == "tcp":
            self._folder = _private_folder()
            if self._folder:
                manager.cache_ports, manager.transport, manager.ip = False, "ipc", f"{self._folder}/kernel"
        return await super().pre_launch(**kwargs)

    async def cleanup(self, restart: bool = False) -> None:
        """Clean up: the folder of the sockets goes with the kernel."""
        await super().cleanup(restart)
        if self._folder and not restart:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Launch a kernel."""
        options = self._scrub_kwargs(kwargs)
        environment = dict(options.get("env") or os.environ)
        cold = _why_cold(cmd, environment)
        if cold is None:
            try:
                self.process = await asyncio.to_thread(_start, cmd, environment, options)
            except KernelError as error:
                cold = str(error)
            else:
                self.pid = self.pgid = self.process.pid
                self.cwd = options.get("cwd") or Path.cwd()
                return self.connection_info
        self.log.warning("a cold kernel: %s", cold)
        return await super().launch_kernel(cmd, **kwargs)

    async def wait(self) -> int | None:
        """Wait for its end; at once, where the local provisioner looks every tenth of a second."""
        if not isinstance(self.process, WarmProcess):
            code: int | None = await super().wait()
            return code
        code = await asyncio.to_thread(self.process.wait)
        self.process = None  # as the local provisioner does: there is no process any more
        return code


def _private_folder() -> str | None:
    folder = private_path("kernel")
    if len(os.fsencode(folder)) <= LONGEST_FOLDER:
        return str(folder)
    folder.rmdir()
    return None


def _why_cold(cmd: list[str], environment: dict[str, str]) -> str | None:
    """Why a fork would not be what was asked for; None if it would."""
    if cmd[1:3] != _LAUNCHER or not _is_this_python(cmd[0]):
        return f"'{' '.join(cmd[:3])}' is not this Python's ipykernel"
    if _paths(environment) != _paths(os.environ):
        return "its PYTHONPATH is another than that of who starts it"
    return None


def _is_this_python(executable: str) -> bool:
    return executable == sys.executable or Path(executable).absolute() == Path(sys.executable).absolute()


def _paths(environment: Any) -> list[str]:
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != SOURCE]


def _start(cmd: list[str], environment: dict[str, str], options: dict[str, Any]) -> WarmProcess:
    # The zygote has a working directory of its own: a relative one would lead elsewhere from there.
    request = Request(cmd[3:], str(Path(options.get("cwd") or ".").absolute()), environment)
    output, errors = _descriptor(options.get("stdout"), 1), _descriptor(options.get("stderr"), 2)
    with Path(os.devnull).open("rb") as nothing:
        return start_kernel(address_here(), request, [nothing.fileno(), output, errors])


def _descriptor(given: Any, default: int) -> int:
    """What `subprocess.Popen` would take, as far as Jupyter gives it: a file, a number, or nothing."""
    if given is None or given in {subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL}:
        return default
    return given if isinstance(given, int) else int(given.fileno())
