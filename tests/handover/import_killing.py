"""Imports an archive into a fresh copy of a project again and again, each time killed (SIGKILL) at another function call.

Started by a test as a process of its own; see ``tests/doubles/call_killing.py``.

Prints one JSON object a line: for each place of the kill, how the child ended and what stood there after the next import.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from call_killing import forked

PRELOADED = ("mlflow.tracking", "workbench.handover.arrival", "workbench.clients.model", "alembic", "sqlalchemy")
WATCHED = ("workbench/handover/arrival", "workbench/handover/store", "workbench/handover/marker", "workbench/files.py",
           "workbench/erasure/", "workbench/audit/log.py", "/shutil.py")  # fmt: skip
NEW = "clinic_2"


def take_in(project: Path, archive: Path) -> str:
    """The import."""
    from workbench.handover.arrival import Parcel, import_client

    return import_client(project, Parcel(archive, new_id=NEW)).client


def state(project: Path) -> dict[str, Any]:
    """All that there is: files by digest, rows by table, and what should be gone."""
    from workbench.files import sha256_of_file

    files = {}
    for root in ("conf", "data", "models", "notebooks", ".mlflow/artifacts"):
        below = sorted(path for path in (project / root).rglob("*") if path.is_file())
        files |= {path.relative_to(project).as_posix(): sha256_of_file(path) for path in below}
    with closing(sqlite3.connect(project / ".mlflow/mlflow.db")) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    own = project / ".workbench"
    left = [path.relative_to(project).as_posix() for path in [*own.glob(".import-*"), *own.rglob("*.begun")]]
    left += [path.relative_to(project).as_posix() for path in project.rglob(".staging-*")]
    audit = [json.loads(line)["action"] for line in (own / "audit.jsonl").read_text().splitlines()]
    return {"files": files, "rows": rows, "left": left, "audited": "client.imported" in audit}


def main() -> None:
    """Arguments, as one JSON object: template, archive, folder, places."""
    asked = json.loads(sys.argv[1])
    archive = Path(asked["archive"])
    for name in PRELOADED:
        import_module(name)
    for number, place in enumerate(asked["places"]):
        project = Path(shutil.copytree(asked["template"], Path(asked["folder"], f"attempt_{number}"), symlinks=True))
        said = {
            "place": place,
            "struck": forked(lambda: take_in(project, archive), place, WATCHED),  # noqa: B023 - called at once
            "client_was_there": (project / "conf/clients" / NEW).exists(),
            "again": forked(lambda: take_in(project, archive)),  # noqa: B023
            "state": forked(lambda: state(project)),  # noqa: B023
        }
        print(json.dumps(said), flush=True)
        shutil.rmtree(project)


if __name__ == "__main__":
    main()
