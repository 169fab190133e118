"""Every client to every target, by the commands that a person types; what was typed and said is the transcript.

    python tests/targets/everywhere.py PROJECT VERSION VERSION [CLIENT ...]

The targets are the doubles of ``tests/doubles``, which serve the real model's files, and this machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "doubles"))

CLIENTS = ("skyways", "tradewinds", "clinic")
TARGETS = ("laptop", "gcp", "lakehouse")
Rows = list[dict[str, Any]]


def predictor(files: Mapping[str, bytes], *_: object) -> Callable[[Rows], list[Any]]:
    """What a container makes of a model's files: it loads the model, and predicts."""
    from workbench.learning import TabularModel
    from workbench.targets.release import predict

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        model = TabularModel.load(next(Path(folder).rglob("manifest.json")).parent)
    return lambda rows: predict(model, rows)


@contextmanager
def somewhere() -> Iterator[Callable[[str], tuple[dict[str, Any], dict[str, str]]]]:
    """Doubles that are up inside the block: for a client, its ``deploy`` section, and its secrets as variables."""
    from databricks_double import DatabricksDouble
    from google_token_double import key_file
    from vertex_double import VertexDouble

    with ExitStack() as stack:
        vertex = stack.enter_context(VertexDouble(predictor))
        databricks = stack.enter_context(DatabricksDouble(predictor))

        def configuration(client: str) -> tuple[dict[str, Any], dict[str, str]]:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            section = {
                "laptop": {"kind": "local", "port": port},
                "gcp": {
                    "kind": "vertex",
                    "project": "acme-1",
                    "location": "us-central1",
                    "bucket": "acme-models",
                    "image": "us-docker.pkg.dev/acme-1/workbench/serving:1",
                    "address": vertex.address,
                    "poll_seconds": 0.05,
                },
                "lakehouse": {
                    "kind": "databricks",
                    "host": databricks.address,
                    "catalog": "fleet",
                    "schema": "models",
                    "poll_seconds": 0.05,
                },
            }
            secrets = {"GOOGLE_CREDENTIALS": key_file(vertex.address), "DATABRICKS_TOKEN": "dapi-double-of-a-token"}
            return section, {f"{client.upper()}__{name}": value for name, value in secrets.items()}

        yield configuration


def commands(client: str, target: str, versions: Sequence[int]) -> Iterator[list[str]]:
    """What is typed for one client and target, in order."""
    options = ["--env", f"clients/{client}", "--target", target]
    first, second = (str(version) for version in versions)
    yield ["plan", *options, "--version", first]
    yield ["apply", *options, "--version", first]
    yield ["apply", *options, "--version", second]
    yield ["canary", *options, "--percent", "10"]
    yield ["status", *options]
    yield ["promote", *options]
    yield ["rollback", *options]
    yield ["destroy", *options, "--yes"]


def walk(project: Path, clients: Sequence[str], targets: Sequence[str], versions: Sequence[int]) -> Iterator[str]:
    """Type it all; the lines of the transcript.

    Raises:
        SystemExit: a command has failed.
    """
    with somewhere() as configuration:
        for client in clients:
            section, secrets = configuration(client)
            path = project / f"conf/clients/{client}/client.yml"
            before = path.read_text()
            path.write_text(yaml.safe_dump({**yaml.safe_load(before), "deploy": section}, sort_keys=False))
            try:
                for target in targets:
                    for words in commands(client, target, versions):
                        yield f"$ kedro deploy {' '.join(words)}"
                        yield typed(project, words, secrets)
            finally:
                path.write_text(before)


def typed(project: Path, words: Sequence[str], secrets: Mapping[str, str]) -> str:
    """Give one command in a process of its own; what it says on standard output."""
    command = [sys.executable, "-m", "kedro", "deploy", *words]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        sys.exit(f"kedro deploy {' '.join(words)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout.rstrip("\n")


if __name__ == "__main__":
    versions = [int(text) for text in sys.argv[2:4]]
    for line in walk(Path(sys.argv[1]).resolve(), sys.argv[4:] or CLIENTS, TARGETS, versions):
        print(line, flush=True)
