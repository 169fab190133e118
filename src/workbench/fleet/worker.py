"""One run of one pipeline for one client, in a process of its own: ``python -m workbench.fleet.worker``.

The runner starts it; a person types ``kedro run``. Standard output and standard error are the run's log.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.fleet.events import open_channel
from workbench.fleet.ledger import Ledger
from workbench.fleet.record import RunRecord
from workbench.fleet.sentence import sentence_of

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>: the signal that a process gets when its parent dies."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and end its row; the row is the parent's answer, the exit code is for people who look."""
    options = _parse(arguments)
    _die_with_parent(options.parent)
    open_channel(options.channel)
    try:
        # Before the heavy imports: a client that is held by another run is refused at once.
        record = RunRecord(options.project, options.client, options.pipeline, options.number)
    except WorkbenchError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        Ledger.of(options.project).close(options.number, "failed", sentence_of(error))
        return 1
    try:
        _run(options.project, options.client, options.pipeline)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends this run
        traceback.print_exc()
        record.fail(error)
        return 1
    # A project without the hook leaves the record as it was begun.
    record.succeed()
    return 0


def _run(project: Path, client: str, pipeline: str) -> None:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from workbench.clients import env_of_client

    bootstrap_project(project)
    session = KedroSession.create(project_path=project, env=env_of_client(client))
    with session:
        session.run(pipeline_names=[pipeline])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workbench.fleet.worker", description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--number", type=int, required=True, help="the planned row of the ledger")
    parser.add_argument("--channel", type=int, required=True, help="descriptor of the pipe to the parent")
    parser.add_argument("--parent", type=int, required=True, help="pid of the parent")
    return parser.parse_args(arguments)


def _die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent dies, be it by ``kill -9``: nobody would read its result."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
