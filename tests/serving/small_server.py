"""A server whose workers are up in a moment, and do what files in the folder ``SMALL_SERVER`` say.

Each answers a connection with its place. A file ``fails-0`` lets worker 0 end with exit code 3 before it is ready,
``waits-0`` lets it wait on its way up, and ``deaf`` lets all of them ignore SIGTERM. Who gets a SIGHUP leaves
``looked-0``.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

from workbench.fleet.process import die_with_parent
from workbench.serving.board import Board

FOLDER = Path(os.environ["SMALL_SERVER"])


def work() -> None:
    """Be a worker; like a real one, not for longer than who started it."""
    die_with_parent(int(sys.argv[sys.argv.index("--with-parent") + 1]))
    told = sys.argv[sys.argv.index("--worker") + 1]
    place, listener, board = (int(part) for part in told.split(","))
    if (FOLDER / f"fails-{place}").exists():
        sys.exit(3)
    (FOLDER / f"began-{place}").touch()
    while (FOLDER / f"waits-{place}").exists():
        time.sleep(0.02)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if (FOLDER / "deaf").exists() else lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, lambda *_: (FOLDER / f"looked-{place}").touch())
    with socket.socket(fileno=listener) as server:
        server.setblocking(True)
        server.listen(64)
        Board(board, int(sys.argv[sys.argv.index("--workers") + 1]), place).put(ready=True, in_force=None, failed=None)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(str(place).encode())


def start() -> int:
    """Start two of them, and watch over them; a process is started by what the link ``python`` leads to."""
    import logging

    from workbench.clients.serving import Serving
    from workbench.serving import workers
    from workbench.serving.options import Options
    from workbench.serving.traffic import one_version

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    workers.LEAVE = 0.3
    sys.executable = str(FOLDER / "python")
    options = Options(
        "small",
        one_version("1", "nowhere", None),
        Serving(drain_seconds=0.1),
        port=0,
        ready_file=FOLDER / "ready.json",
        workers=2,
    )
    return workers.Workers(options, [__file__]).run()


if "--worker" in sys.argv:
    work()
else:
    sys.exit(start())
