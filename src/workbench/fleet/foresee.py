"""What a fleet run would do, node by node: asked of each client in a process of its own, as it would be run."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError, WorkbenchError
from workbench.fleet.environment import worker_environment
from workbench.fleet.plan import Cell
from workbench.fleet.sentence import sentence_of

__all__ = ["Foreseen", "foresee"]


@dataclass(frozen=True)
class Foreseen:
    """What is to become of one node.

    Attributes:
        action: ``run``, ``skip``, or ``maybe``: if what is made before it turns out to be different.
        reasons: why it is not skipped.
    """

    client: str
    pipeline: str
    node: str
    action: str
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def foresee(
    project: Path, cells: Sequence[Cell], *, workers: int, force: bool = False, environ: Mapping[str, str] = os.environ
) -> list[Foreseen]:
    """What a run of these cells would do now. Nothing is run, nothing is written.

    Raises:
        ConfigurationError: a client's pipeline cannot be looked at; the message says why.
    """
    clients = ClientRegistry(project).ids()

    def ask(cell: Cell) -> list[Foreseen]:
        command = [sys.executable, "-P", "-m", "workbench.fleet.foresee", f"--project={project}"]
        command += [f"--client={cell.client}", f"--pipeline={cell.pipeline}", *(["--force"] if force else [])]
        environment = worker_environment(environ, cell.client, clients, workers)
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        if done.returncode != 0 or not lines:
            said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
            raise ConfigurationError(
                f"pipeline {cell.pipeline} of client {cell.client} cannot be looked at: {said}",
                hint=f"`kedro client check {cell.client}`",
            )
        found = json.loads(lines[-1])
        return [
            Foreseen(cell.client, cell.pipeline, one["node"], one["action"], tuple(one["reasons"])) for one in found
        ]

    with ThreadPoolExecutor(workers) as pool:
        return [one for found in pool.map(ask, cells) for one in found]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the decisions for one client's pipeline as one line of JSON, after whatever its hooks print."""
    parser = argparse.ArgumentParser(prog="python -m workbench.fleet.foresee", description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--force", action="store_true")
    options = parser.parse_args(arguments)
    try:
        decisions = _decisions(options.project, options.client, options.pipeline, force=options.force)
    except (WorkbenchError, OSError) as error:
        print(sentence_of(error), file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(decisions))  # noqa: T201
    return 0


def _decisions(project: Path, client: str, name: str, *, force: bool) -> list[dict[str, Any]]:
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from workbench.clients import env_of_client
    from workbench.fleet.incremental import decide

    bootstrap_project(project)
    session = KedroSession.create(project_path=project, env=env_of_client(client))
    if not isinstance(session, KedroSession):  # for the type checker: it makes its own kind
        raise TypeError(type(session).__name__)
    with session:
        catalog = session.load_context().catalog
        return [one.to_dict() for one in decide(project, client, pipelines[name], catalog, force=force)]


if __name__ == "__main__":
    sys.exit(main())
