"""What a worker finds in its environment: nothing of another client, and its share of the machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from workbench.clients.variables import owner_of

__all__ = ["THREADS", "cpus", "worker_environment"]

_OF_ONE_RUN = frozenset({"KEDRO_ENV", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"})
"""What names one run or one client, and would bind all of them if it went to every worker."""

_OF_THE_OPERATOR = ("VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_WRAPPED_TOKEN")
"""What opens Vault for the person who started the fleet, and for all clients; a worker has its own client's."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")


def worker_environment(
    environ: Mapping[str, str], client: str, clients: Collection[str], workers: int
) -> dict[str, str]:
    """The environment of the worker for one client.

    Args:
        environ: the parent's.
        client: whose worker it is.
        clients: all registered clients.
        workers: how many work at once; each numeric library gets that part of the processors, or fewer threads if
            the parent's environment says so.
    """
    share = max(1, cpus() // workers)
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _OF_ONE_RUN and name not in _OF_THE_OPERATOR and owner_of(name, clients) in {None, client}
    }
    # Workers share the cores: threads that wait by spinning would take them from each other.
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return kept | {name: str(min(share, _number(environ.get(name), share))) for name in THREADS}


def cpus() -> int:
    """The processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else default
