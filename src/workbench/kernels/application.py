"""ipykernel's application and kernel, as a fork starts them: what the zygote has found out is not found out again.

CPython counts references in the objects themselves, so who merely looks at a thing writes to it, and a fork copies the
page. A start that walks through all modules or loggers copies half of what it copies at all, for nothing.

Imports ipykernel: a zygote imports this when it is first asked for a kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import ModuleType
from typing import Any

from ipykernel import ipkernel
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.core import shellapp
from traitlets import Type

__all__ = ["ForkedApp", "ForkedKernel", "prepare"]

_names: set[str] = set()
"""The modules that were there before the fork."""

_files: list[str] = []
"""Their files."""


class ForkedKernel(IPythonKernel):
    """As ipykernel's, which asks each of some thousand modules for its file, to tell them to the debugger."""

    def __init__(self, **options: Any) -> None:
        with _no_modules_in(ipkernel):
            super().__init__(**options)  # type: ignore[no-untyped-call]

    @property
    def _kernel_modules(self) -> list[str]:
        return _files

    @_kernel_modules.setter
    def _kernel_modules(self, _: list[str]) -> None:
        # Added to, never copied: a copy would count one more reference to each name.
        _files.extend(_files_of(_new_modules().values()))


class ForkedApp(IPKernelApp):
    """The application, whose settings are given to it; ``IPKernelApp.instance()`` finds it, since it is a subclass."""

    kernel_class: Any = Type(ForkedKernel, klass="ipykernel.kernelbase.Kernel").tag(config=True)

    def parse_command_line(self, argv: Any = None) -> None:
        """Nothing is left to parse."""
        self.argv = list(argv or [])

    def init_code(self) -> None:
        """Run the user's startup files; ``%reset -f in`` shall know which modules were there before them."""
        with _no_modules_in(shellapp):
            super().init_code()  # type: ignore[no-untyped-call]
        _names.update(_new_modules())
        setattr(self.shell, "_sys_modules_keys", _names)  # noqa: B010 - IPython has no other way to say it


def prepare() -> None:
    """Do once what no kernel does differently; the last that a zygote does before it forks.

    The application has no settings yet, and thereby no session, key or socket. It has its log, which writes to whatever
    standard error is then.
    """
    _names.update(sys.modules)
    _files.extend(_files_of(sys.modules.copy().values()))
    app = ForkedApp.instance()
    app.log.debug("The application is ready to be forked.")  # who asks for the log sets it up


def _new_modules() -> dict[str, ModuleType]:
    """Those that came after the fork: they are the last, and no other is looked at."""
    return dict(islice(reversed(sys.modules.items()), max(0, len(sys.modules) - len(_names))))


def _files_of(modules: Any) -> Iterator[str]:
    return (file for module in modules if (file := getattr(module, "__file__", None)))


@contextmanager
def _no_modules_in(module: Any) -> Iterator[None]:
    """In one module, `sys.modules` is empty; all else of `sys` is what it is."""
    module.sys = _Sys("sys")
    try:
        yield
    finally:
        module.sys = sys


class _Sys(ModuleType):
    """What a module sees as `sys`."""

    modules: dict[str, ModuleType] = {}  # noqa: RUF012 - nobody changes it

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(sys, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(sys, name)
