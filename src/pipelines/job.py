"""What a job of a cloud starts: ``kedro run`` in a folder that holds this project."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run pipelines of one client: ``workbench-run --project FOLDER --env clients/skyways --pipelines ingest``.

    All options but ``--project`` are those of ``kedro run``.
    """
    parser = argparse.ArgumentParser(prog="workbench-run", description="`kedro run` in a project's folder.")
    parser.add_argument("--project", required=True, help="The folder that holds the project.")
    known, rest = parser.parse_known_args(arguments)
    os.chdir(known.project)
    sys.argv[1:] = ["run", *rest]

    from kedro.framework.cli.cli import main as kedro

    kedro()
