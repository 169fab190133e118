"""The other pages of a project: MLflow's and Kedro-Viz's, if they are up."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from workbench.registry import local_store
from workbench.registry.store import tracking_uri
from workbench.ui.later import Later

__all__ = ["Neighbours"]

PATIENCE_SECONDS = 0.5
EVERY_SECONDS = 10.0
CHAMPIONS_EVERY_SECONDS = 60.0


class Neighbours:
    """What else is up, asked behind the page's back.

    Args:
        project: the project's folder.
        mlflow: where `kedro mlflow ui` would be; a server that ``MLFLOW_TRACKING_URI`` names comes first.
        viz: where `kedro viz run` would be.
    """

    def __init__(self, project: Path, *, mlflow: str, viz: str) -> None:
        self._project = project
        self._mlflow = _server_of(tracking_uri(project)) or mlflow
        self._up: Later[frozenset[str]] = Later(self._ask, frozenset(), EVERY_SECONDS)
        self._viz = viz
        self._champions: Later[dict[str, int | None]] = Later(self._standings, {}, CHAMPIONS_EVERY_SECONDS)
        self._seen: object = None

    @property
    def mlflow(self) -> str | None:
        """The address of MLflow's pages, without a slash at the end; None if nobody answers there."""
        return self._mlflow if "mlflow" in self._up.get() else None

    @property
    def viz(self) -> str | None:
        """The address of Kedro-Viz."""
        return self._viz if "viz" in self._up.get() else None

    @property
    def champions(self) -> dict[str, int | None]:
        """Client to the version that MLflow's registry has as champion, which a person may have moved by hand."""
        return self._champions.get()

    def settle(self, seconds: float) -> None:
        """Wait for the first answers, for who asks only once."""
        self._up.wait(seconds)

    def _ask(self) -> frozenset[str]:
        asked: dict[str, tuple[str, Callable[[bytes], bool]]] = {
            "mlflow": (f"{self._mlflow}/version", lambda body: body[:1].isdigit()),
            "viz": (f"{self._viz}/api/version", lambda body: b"latest" in body or b"installed" in body),
        }
        return frozenset(name for name, (address, known) in asked.items() if _answers(address, known))

    def _standings(self) -> dict[str, int | None]:
        """In a process of its own, since MLflow is a gigabyte of modules; only when the store has changed."""
        database = local_store.artifacts(self._project).with_name("mlflow.db")
        files = [database, database.with_name("mlflow.db-wal")]
        state = [(path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.exists()]
        if state == self._seen or not (state or _server_of(tracking_uri(self._project))):
            return self._champions.get()
        done = subprocess.run(
            [sys.executable, "-m", "kedro", "mlflow", "champions", "--json"],
            cwd=self._project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=True,
        )
        self._seen = state or None
        return {str(row["client"]): row["version"] for row in json.loads(done.stdout)}


def _server_of(uri: str) -> str | None:
    """The pages of a tracking server, without the password that its address may hold."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _answers(address: str, known: Callable[[bytes], bool]) -> bool:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status == http.client.OK and known(answer.read(4096))
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
