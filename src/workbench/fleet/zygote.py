"""The process that workers are forked from: LISTENER OWNER READY PARENT PROJECT STORE PIPELINE … are its arguments.

It imports what the pipelines need, says so, and serves as a kernels' zygote does: one thread, no lock, no connection,
no database, and nothing of a client. A fork of it is a worker like any other.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import json
import os
import socket
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from workbench.errors import WorkbenchError
from workbench.fleet import worker
from workbench.fleet.preload import preload_for
from workbench.fleet.process import die_with_parent
from workbench.fleet.rehearsal import rehearse
from workbench.fleet.warm import EMBEDDED
from workbench.kernels.preload import check_single_threaded
from workbench.kernels.zygote import Zygote

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["main"]


def main(arguments: Sequence[str]) -> None:
    """Import, say so, serve; a fork leaves by the same door, as a worker."""
    listener, owner, ready, parent = socket.socket(fileno=int(arguments[0])), *map(int, arguments[1:4])
    project = Path(arguments[4])
    die_with_parent(parent)
    gc.disable()  # nothing that is imported goes again; looking through it again and again takes a quarter of the time
    os.chdir(project)  # where Kedro looks for the configuration of logging
    with os.fdopen(ready, "w") as answer:
        try:
            modules = preload_for(project, arguments[6:])
            gc.freeze()  # for good, as it is: to look through it once is half a second
            rehearse(project, arguments[6:], embedded_store=arguments[5] == EMBEDDED)
            check_single_threaded("the rehearsal")
            answer.write(json.dumps({"modules": modules}))
        except WorkbenchError as error:
            answer.write(json.dumps({"error": str(error)}))
            return
    libraries = _threaded_libraries()
    # What the rehearsal let go of is closed; what it keeps is there for good, too: a collection would write to pages
    # that forks share.
    gc.collect()
    gc.freeze()
    gc.enable()
    this = os.getpid()
    newborn = Zygote(listener, owner, ends_groups=True).serve()
    if newborn is not None:
        newborn.announce()
        _work([*newborn.request.arguments, f"--channel={newborn.descriptors[0]}", f"--parent={this}"], libraries)


COLLECT_AFTER = 50_000
"""New objects between two searches for garbage in a worker, which lives for seconds; after 700, as in a new Python, a
fifteenth of a small client's run goes into them."""


def _work(arguments: list[str], libraries: ThreadpoolController | None) -> NoReturn:
    """What ``python -m workbench.fleet.worker`` does, from its first line to its exit code."""
    faulthandler.enable()
    gc.set_threshold(COLLECT_AFTER)
    _leave_to_parent()
    sys.argv = ["workbench.fleet.worker", *arguments]
    if libraries is not None:
        _take_share(libraries)
    code = _code_of(lambda: worker.main(arguments))
    # As Python does at its end, but for taking itself down: that would touch each page which is shared.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _leave_to_parent() -> None:
    """What its parent is to end when it ends, such as torch's libraries of operators, a fork does not end, too."""
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]  # noqa: SLF001
        finalizer.atexit = False


def _code_of(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as leaving:
        if isinstance(leaving.code, int) or leaving.code is None:
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)  # noqa: T201
    except BaseException:  # noqa: BLE001 - as Python does: it is told, and the process ends
        traceback.print_exc()
    return 1


def _threaded_libraries() -> ThreadpoolController | None:
    """What NumPy, torch and scikit-learn compute with; looked for once, since that takes as long as a small node."""
    if "numpy" not in sys.modules:
        return None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _take_share(libraries: ThreadpoolController) -> None:
    """The threads that the environment says: they were loaded with one each, because a fork loses all others."""
    for kind, name in {"blas": "OPENBLAS_NUM_THREADS", "openmp": "OMP_NUM_THREADS"}.items():
        libraries.select(user_api=kind).limit(limits=int(os.environ.get(name, "1")))


if __name__ == "__main__":
    main(sys.argv[1:])
