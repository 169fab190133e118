"""The run ledger: every run of every client, on disk, whole at any moment.

Rows are ordered by a counter, since clocks go back. A row is open (``planned``, ``running``) as long as its process
lives; a look at the ledger closes the rows of those that died. Only the process that a row names may end it: a run that
was taken for dead and wakes up again changes nothing.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.fleet.lock import ClientLock
from workbench.fleet.process import Process
from workbench.fleet.run import ErrorKind, Outcome, Run, State
from workbench.fleet.schema import connect, kept_open, transaction

__all__ = ["Ledger", "state_folder"]

_LAST = """
    SELECT * FROM run WHERE number IN (
        SELECT max(number) FROM run WHERE started IS NOT NULL GROUP BY client, pipeline
    )
"""
_LAST_WHOLE_SUCCESS = """
    SELECT * FROM run WHERE number IN (
        SELECT max(number) FROM run
        WHERE started IS NOT NULL AND state = 'succeeded' AND partial = 0 AND coalesce(skipped, 0) = 0
        GROUP BY client, pipeline
    )
"""
_INSERT = """
    INSERT INTO run (client, pipeline, state, started, pid, birth, host, attempt)
    VALUES (:client, :pipeline, :state, :started, :pid, :birth, :host, :attempt)
"""
_JOIN = "UPDATE run SET fleet = ? WHERE number = ?"
_TAKE_OVER = """
    UPDATE run SET state = 'running', started = :started, pid = :pid, birth = :birth, host = :host
    WHERE number = :number AND state = 'planned'
"""
_DESCRIBE = """
    UPDATE run SET partial = :partial, git_commit = :git_commit, config_digest = :config_digest, stage = :stage
    WHERE number = :number
"""
_FINISH = """
    UPDATE run SET state = :state, finished = :now, seconds = :seconds, error = :error, error_kind = :error_kind,
        mlflow_run = :mlflow_run, champion = :champion, metric = :metric, value = :value,
        ran = :ran, skipped = :skipped, peak_mib = :peak_mib
    WHERE number = :number AND state = 'running' AND pid = :pid AND birth = :birth
"""
_CLOSE = """
    UPDATE run SET state = :state, started = coalesce(started, :now), finished = :now,
        seconds = coalesce(seconds, :seconds), error = :error, error_kind = :error_kind
    WHERE number = :number AND (state IN ('planned', 'running', 'crashed') OR (:is_stopped AND state = 'cancelled'))
"""
_REAP = """
    UPDATE run SET state = :state, finished = :now, error = :error
    WHERE number = :number AND finished IS NULL AND pid = :pid AND birth = :birth
"""
_CANCEL = "UPDATE run SET state = 'cancelled', finished = ?, error = ? WHERE number = ? AND state = 'planned'"


def state_folder(project: Path) -> Path:
    """Where this machine's state of a project lies: the ledger, the locks, the logs of the fleet."""
    return project / ".workbench"


class Ledger:
    """The ledger of one project.

    Every method raises what :func:`workbench.fleet.schema.connect` raises. A file that does not exist is an empty
    ledger; the first row makes it.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, project: Path) -> Ledger:
        """The ledger at its usual place."""
        return cls(state_folder(project) / "ledger.db")

    def kept_open(self) -> AbstractContextManager[None]:
        """Keep it at hand for the processes of a fleet run; see :func:`workbench.fleet.schema.kept_open`."""
        return kept_open(self.path)

    # ---- writing ----------------------------------------------------------------------------------------------------

    def plan(self, cells: Iterable[tuple[str, str]], attempt: int = 1, fleet: int | None = None) -> list[int]:
        """Write down that this process will see to a run for each (client, pipeline): all of them, or none.

        Args:
            cells: what is to be run, in order.
            attempt: 1, or which retry it is.
            fleet: the first row of the fleet run that they belong to; without it, the first of these.
        """
        mine = _mine() | {"attempt": attempt}
        with self._transaction() as connection:
            numbers = [_insert(connection, client, pipeline, "planned", mine) for client, pipeline in cells]
            connection.executemany(_JOIN, [(fleet or numbers[0], number) for number in numbers])
            return numbers

    def start(self, client: str, pipeline: str, number: int | None = None) -> int:
        """Write down that this process runs a pipeline for a client now.

        Args:
            client: a registered client.
            pipeline: the name of the pipeline.
            number: the planned row which this run is; without it, a new row.

        Returns:
            The number of the row.
        """
        mine = _mine()
        with self._transaction() as connection:
            if number is None:
                return _insert(connection, client, pipeline, "running", mine)
            connection.execute(_TAKE_OVER, mine | {"number": number, "started": _now()})
            return number

    def describe(
        self, number: int, *, partial: bool, git_commit: str | None, config_digest: str | None, stage: str | None = None
    ) -> None:
        """Add what was not known yet when the run started; see :class:`Run`."""
        with self._transaction() as connection:
            facts = {"partial": partial, "git_commit": git_commit, "config_digest": config_digest, "stage": stage}
            connection.execute(_DESCRIBE, facts | {"number": number})

    def finish(
        self,
        number: int,
        state: State,
        *,
        seconds: float,
        error: str | None = None,
        error_kind: ErrorKind | None = None,
        outcome: Outcome | None = None,
    ) -> bool:
        """End a run of this process.

        Returns:
            False, and nothing is changed, if the row has ended already or is another process's.
        """
        values = asdict(outcome or Outcome()) | {"number": number, "state": state, "seconds": seconds, "error": error}
        values["error_kind"] = error_kind
        with self._transaction() as connection:
            return connection.execute(_FINISH, values | _mine() | {"now": _now()}).rowcount == 1

    def close(
        self,
        number: int,
        state: State,
        error: str,
        *,
        seconds: float | None = None,
        error_kind: ErrorKind | None = None,
        is_stopped: bool = False,
    ) -> bool:
        """End a row for a process which is known to be gone, as the parent which saw how it went.

        It replaces the "crashed" that a mere look at the ledger concluded in between; what the run itself said stays,
        unless the parent has stopped it (``is_stopped``) and knows why.
        """
        values = {"number": number, "state": state, "error": error, "seconds": seconds, "now": _now()}
        values |= {"error_kind": error_kind, "is_stopped": is_stopped}
        with self._transaction() as connection:
            return connection.execute(_CLOSE, values).rowcount == 1

    def cancel(self, numbers: Sequence[int], error: str) -> None:
        """End those of the rows which were planned and never started."""
        with self._transaction() as connection:
            connection.executemany(_CANCEL, [(_now(), error, number) for number in numbers])

    def reap(self) -> None:
        """Close the open rows whose process is gone: a running one crashed, a planned one will never start."""
        with self._reading() as query:
            dead = [run for run in query("SELECT * FROM run WHERE finished IS NULL") if self._is_dead(run)]
        if not dead:
            return
        with self._transaction() as connection:
            connection.executemany(_REAP, [_epitaph(run) | {"now": _now()} for run in dead])

    # ---- reading ----------------------------------------------------------------------------------------------------

    def last_fleet(self) -> list[Run]:
        """The rows of the newest fleet run, in its order, retries included; empty if there was none."""
        self.reap()
        with self._reading() as query:
            return query("SELECT * FROM run WHERE fleet = (SELECT max(fleet) FROM run) ORDER BY number")

    def last(self) -> list[Run]:
        """The newest row of each client and pipeline, sorted by both.

        A planned row counts as long as its fleet lives; one that was cancelled before it started does not.
        """
        self.reap()
        with self._reading() as query:
            newest = query(_LAST) + query("SELECT * FROM run WHERE state = 'planned' AND finished IS NULL")
        cells = {(run.client, run.pipeline): run for run in sorted(newest, key=lambda run: run.number)}
        return [cells[cell] for cell in sorted(cells)]

    def get(self, numbers: Sequence[int]) -> list[Run]:
        """These rows, in the order of their numbers; those that do not exist are left out."""
        wanted = set(numbers)
        if not wanted:
            return []
        with self._reading() as query:
            rows = query("SELECT * FROM run WHERE number BETWEEN ? AND ? ORDER BY number", min(wanted), max(wanted))
        return [run for run in rows if run.number in wanted]

    def history(self, client: str, limit: int = 100) -> list[Run]:
        """The rows of one client which were started, newest first."""
        self.reap()
        text = "SELECT * FROM run WHERE client = ? AND started IS NOT NULL ORDER BY number DESC LIMIT ?"
        with self._reading() as query:
            return query(text, client, limit)

    def durations(self) -> dict[tuple[str, str], float]:
        """Seconds that the last whole and successful run of each (client, pipeline) took."""
        with self._reading() as query:
            runs = query(_LAST_WHOLE_SUCCESS)
        return {(run.client, run.pipeline): run.seconds for run in runs if run.seconds is not None}

    def _is_dead(self, run: Run) -> bool:
        alive = Process(run.pid, run.birth).is_alive()
        if alive is None and run.state == "running":
            # From before a reboot, or from another container: a run holds its client's lock as long as it lives.
            alive = ClientLock(self.path.parent, run.client).is_held()
        return alive is False

    @contextmanager
    def _reading(self) -> Iterator[Callable[..., list[Run]]]:
        if not self.path.exists():
            yield lambda text, *values: []
            return
        with connect(self.path) as connection:
            yield lambda text, *values: [_run(row) for row in connection.execute(text, values)]

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self.path)


def _insert(connection: sqlite3.Connection, client: str, pipeline: str, state: State, process: dict[str, Any]) -> int:
    row = {"client": client, "pipeline": pipeline, "state": state, "started": _now() if state == "running" else None}
    return int(connection.execute(_INSERT, {"attempt": 1} | row | process).lastrowid or 0)


def _run(row: sqlite3.Row) -> Run:
    return Run(**{**dict(row), "partial": bool(row["partial"])})


def _mine() -> dict[str, Any]:
    mine = Process.current()
    return {"pid": mine.pid, "birth": mine.birth, "host": socket.gethostname()}


def _epitaph(run: Run) -> dict[str, Any]:
    if run.state == "running":
        state, error = "crashed", f"process {run.pid} was killed, or died, without a word"
    else:
        state, error = "cancelled", "the fleet run that planned it is gone"
    return {"number": run.number, "pid": run.pid, "birth": run.birth, "state": state, "error": error}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
