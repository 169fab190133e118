"""What runs in a container of Vertex AI: files in, ``kedro run``, files out.

``python -m workbench.targets.vertex.inside --client skyways --shared /gcs/acme-models/jobs/… -- --pipelines train``

Vertex AI shows buckets as folders below ``/gcs``; they know no rename, which every durable save ends with, so the run
works on the container's own disk and copies.
https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import ConfigurationError
from workbench.files import sha256_of_file

__all__ = ["carried", "main"]

CLIENT = re.compile(r"[a-z][a-z0-9_]{1,39}")


def carried(client: str) -> tuple[str, ...]:
    """The folders of a client that a run reads and writes."""
    return f"data/{client}", f"models/{client}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the client's folders in, run Kedro, and copy what has changed out; Kedro's exit status."""
    parser = argparse.ArgumentParser(prog="python -m workbench.targets.vertex.inside", description=__doc__)
    parser.add_argument("--client", required=True, help="whose run it is")
    parser.add_argument("--shared", required=True, type=Path, help="the job's folder, below /gcs")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the project's folder")
    parser.add_argument("kedro", nargs="*", help="what `kedro run` is given")
    given = parser.parse_args(arguments)
    if not CLIENT.fullmatch(given.client):
        raise ConfigurationError("that is no client's name", where="--client")
    for folder in carried(given.client):
        if (given.shared / folder).is_dir():
            shutil.copytree(given.shared / folder, given.project / folder, dirs_exist_ok=True)
    command = [sys.executable, "-m", "kedro", "run", "--env", f"clients/{given.client}", *given.kedro]
    status = subprocess.run(command, cwd=given.project, check=False).returncode
    if status == 0:
        for folder in carried(given.client):
            _copy_changed(given.project / folder, given.shared / folder)
    return status


def _copy_changed(source: Path, destination: Path) -> None:
    """Files that are not there, or otherwise; what is the same is not written again."""
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        target = destination / path.relative_to(source)
        if path.is_file() and not (target.is_file() and sha256_of_file(target) == sha256_of_file(path)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


if __name__ == "__main__":
    sys.exit(main())
