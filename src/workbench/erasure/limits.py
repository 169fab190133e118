"""What an erasure cannot reach or must not touch, said plainly."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from workbench.clients import ClientRegistry
from workbench.erasure import databases, dvc
from workbench.erasure.notebooks import opened_by
from workbench.erasure.server import is_a_server
from workbench.moving.emptying import engines_of
from workbench.registry import local_store
from workbench.registry.store import tracking_uri
from workbench.secrets.redaction import redact_text

__all__ = ["beyond_reach", "is_mention_of_client", "is_of_another_client"]

CODE = frozenset({"src", "tests", "docs", "benchmarks", "notebooks", "deploy"})
OF_CLIENTS = ("data", "models", "deliveries", "conf/clients", ".mlflow/artifacts", "notebooks/explore")


def beyond_reach(project: Path, client: str) -> list[str]:
    """What stays whatever is done here, each as a sentence."""
    found = []
    if (project / ".git").exists():
        commits = _git(project, "rev-list", "--count", "--all", "--", f"conf/clients/{client}").strip() or "0"
        found.append(
            f"git's history: {commits} commits touch conf/clients/{client}, and it was not searched; "
            "clones and hosts have it, too"
        )
    for destination, number in sorted(databases.receipts(project, client).items()):
        found.append(f"what was delivered: {number} parcels by destination '{destination}' lie where they went")
    found += [f"DVC's remote {url}: erase there what its own tools can" for url in dvc.held(project, client).elsewhere]
    found += [
        f"the engine {one.location}: the client's tables are dropped there; what it keeps of dropped tables is its own "
        "matter (time travel, snapshots, backups)"
        for one in engines_of(project, client)
    ]
    uri = tracking_uri(project)
    if uri != local_store.uri(project) and not is_a_server(project):
        found.append(
            f"the MLflow store {redact_text(uri)}: delete experiment and model '{client}' there, then `mlflow gc`"
        )
    found.append("backups, and blocks of the disk that a file system or an SSD has not overwritten yet")
    return found


def is_mention_of_client(project: Path, client: str) -> Callable[[Path], bool]:
    """Whether the client's id in a file is a word of the code's, or of another client's."""
    tracked = set(_git(project, "ls-files", "-z").split("\0")) if (project / ".git").exists() else set()
    others = is_of_another_client(project, client)
    own = [Path(root, client) for root in OF_CLIENTS]

    def check(path: Path) -> bool:
        if any(path.is_relative_to(root) for root in own):
            return False
        is_code = (
            path.as_posix() in tracked or path.parts[0] in CODE or (len(path.parts) == 1 and path.suffix != ".log")
        )
        return is_code or path.parts[:2] == ("conf", "base") or others(path)

    return check


def is_of_another_client(project: Path, client: str) -> Callable[[Path], bool]:
    """Whether a path lies in a folder of another client, or is a notebook that opens one."""
    others = [other for other in ClientRegistry(project).ids() if other != client]
    roots = [Path(root, other) for root in OF_CLIENTS for other in others]

    def check(path: Path) -> bool:
        return any(path.is_relative_to(root) for root in roots) or (
            path.suffix == ".ipynb" and opened_by(project / path) in others
        )

    return check


def _git(project: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=False)
    except OSError:
        return ""
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""
