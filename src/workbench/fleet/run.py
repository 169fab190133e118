"""One row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["OPEN", "STATES", "ErrorKind", "Outcome", "Run", "State"]

State = Literal["planned", "running", "succeeded", "failed", "cancelled", "crashed"]
"""``failed``: an error was raised; ``cancelled``: a person or a scheduler stopped it; ``crashed``: its process died."""

ErrorKind = Literal["transient", "terminal"]
"""As the branches of :mod:`workbench.errors`; what is not the workbench's is terminal."""

STATES: tuple[State, ...] = get_args(State)
OPEN: tuple[State, ...] = ("planned", "running")


@dataclass(frozen=True)
class Outcome:
    """What a run came to, as far as it got.

    Attributes:
        mlflow_run: MLflow's id of the run.
        champion: the version that the client's registry has as champion after it.
        metric: name of the client's primary metric.
        value: that metric of the trained model, on held-out rows.
        ran: how many nodes were run.
        skipped: how many were not, because nothing had changed for them.
        peak_mib: resident memory that its process had at most, MiB.
    """

    mlflow_run: str | None = None
    champion: int | None = None
    metric: str | None = None
    value: float | None = None
    ran: int | None = None
    skipped: int | None = None
    peak_mib: float | None = None


@dataclass(frozen=True)
class Run:
    """One run of one pipeline for one client.

    Attributes:
        number: counts up; the order of the runs, whatever the clocks said.
        partial: only some of the pipeline's nodes were asked for.
        started: UTC, ISO 8601; None if it never was.
        finished: UTC, ISO 8601; of a crashed run, when that was noticed.
        seconds: wall-clock duration by a monotonic clock; None if the run could not say.
        pid: its process; of a planned run, that of the fleet which planned it.
        birth: tells that process from a later one with the same pid.
        git_commit: full hash, with ``-dirty`` if the working tree differed from it.
        config_digest: sha256 of the client's resolved configuration; the one that its MLflow run carries.
        error: one sentence, never a secret, never a row's values.
        ran: how many nodes were run; None if it does not say.
        skipped: how many were not, because nothing had changed for them.
        fleet: the first row of the fleet run that planned it; None for a run that a person started.
        stage: whose layers of configuration counted; None without one.
        attempt: 1, or which retry it is.
        error_kind: of a failed run, whether it may pass when it is tried again.
        peak_mib: resident memory that its process had at most, MiB; None if it was killed, or the system does not tell.
    """

    number: int
    client: str
    pipeline: str
    state: State
    partial: bool
    started: str | None
    finished: str | None
    seconds: float | None
    pid: int
    birth: str
    host: str
    mlflow_run: str | None
    git_commit: str | None
    config_digest: str | None
    champion: int | None
    metric: str | None
    value: float | None
    error: str | None
    ran: int | None = None
    skipped: int | None = None
    fleet: int | None = None
    stage: str | None = None
    attempt: int = 1
    error_kind: ErrorKind | None = None
    peak_mib: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self).copy()
