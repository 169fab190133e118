"""Imports an archive into a fresh copy of a project again and again, each time killed (SIGKILL) at another function call.

Started by a test as a process of its own: it imports everything, opens nothing, and forks a child for each attempt. The
kill is Python's own profiler (``sys.setprofile``), which sees every call of the product's functions that write files,
rows or the marker; nothing in the product knows of it.

Prints one JSON object a line: for each place of the kill, how the child ended and what stood there after the next import.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

PRELOADED = ("mlflow.tracking", "workbench.handover.arrival", "workbench.clients.model", "alembic", "sqlalchemy")
WATCHED = ("workbench/handover/arrival", "workbench/handover/store", "workbench/handover/marker", "workbench/files.py",
           "workbench/erasure/", "workbench/audit/log.py", "/shutil.py")  # fmt: skip
NEW = "clinic_2"


def kill_at(place: int) -> Callable[[], int]:
    """Let this process die at the n-th watched call; gives a function that says how many there were."""
    seen = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal seen
        if event == "call" and any(part in frame.f_code.co_filename for part in WATCHED):
            seen += 1
            if seen == place:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    return lambda: seen


def forked(act: Callable[[], Any], place: int = 0) -> dict[str, Any]:
    """Run something in a child; what it returned, or that it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            calls = kill_at(place) if place else lambda: 0
            result = act()
            sys.setprofile(None)
            said = {"result": result, "calls": calls()}
        except Exception as error:  # noqa: BLE001 - a child has no other way to say it
            said = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = json.loads(pipe.read() or b"{}")
    _, status = os.waitpid(child, 0)
    return {**said, "killed": os.WIFSIGNALED(status)}


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
            "struck": forked(lambda: take_in(project, archive), place),  # noqa: B023 - called at once
            "client_was_there": (project / "conf/clients" / NEW).exists(),
            "again": forked(lambda: take_in(project, archive)),  # noqa: B023
            "state": forked(lambda: state(project)),  # noqa: B023
        }
        print(json.dumps(said), flush=True)
        shutil.rmtree(project)


if __name__ == "__main__":
    main()
