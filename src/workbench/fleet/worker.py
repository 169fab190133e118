"""One run of one pipeline for one client, in a process of its own: ``python -m workbench.fleet.worker``.

The runner starts it; a person types ``kedro run``. Standard output and standard error are the run's log.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.fleet.events import open_channel
from workbench.fleet.ledger import Ledger
from workbench.fleet.process import die_with_parent
from workbench.fleet.record import RunRecord
from workbench.fleet.sentence import kind_of, sentence_of
from workbench.secrets.redaction import guarded

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and end its row; the row is the parent's answer, the exit code is for people who look."""
    options = _parse(arguments)
    die_with_parent(options.parent)
    _die_before_parent()
    open_channel(options.channel)
    try:
        # Before the heavy imports: a client that is held by another run is refused at once.
        record = RunRecord(options.project, options.client, options.pipeline, options.number)
    except WorkbenchError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        Ledger.of(options.project).close(options.number, "failed", sentence_of(error), error_kind=kind_of(error))
        return 1
    with guarded():
        try:
            _run(options.project, options.client, options.pipeline, force=options.force)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this run
            traceback.print_exc()
            record.fail(error)
            return 1
    # A project without the hook leaves the record as it was begun.
    record.succeed()
    return 0


def _die_before_parent() -> None:
    """When memory runs out, the kernel is to end a worker rather than the fleet, or what a person works in."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")


def _run(project: Path, client: str, pipeline: str, *, force: bool = False) -> None:
    from kedro.framework.session import KedroSession

    from workbench.clients import env_of_client
    from workbench.fleet.incremental import IncrementalRunner
    from workbench.fleet.preload import bootstrap

    bootstrap(project)
    session = KedroSession.create(project_path=project, env=env_of_client(client))
    with session:
        session.run(pipeline_names=pipeline.split("+"), runner=IncrementalRunner(skip=True, force=force))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workbench.fleet.worker", description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--number", type=int, required=True, help="the planned row of the ledger")
    parser.add_argument("--channel", type=int, required=True, help="descriptor of the pipe to the parent")
    parser.add_argument("--parent", type=int, required=True, help="pid of the parent")
    parser.add_argument("--force", action="store_true", help="run also the nodes for which nothing has changed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
