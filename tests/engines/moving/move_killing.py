"""Runs one command of a move again and again in a fresh project, each time killed (SIGKILL) at another function call.

Started by a test as a process of its own: it imports everything, opens nothing, and forks a child for each attempt. The
kill is Python's own profiler (``sys.setprofile``), which sees every call of the product's functions that write files,
talk to engines or keep the journal; nothing in the product knows of it.

Prints one JSON object a line: for each place of the kill, how the child ended and what stood there after the repair.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PRELOADED = (
    "adbc_driver_postgresql.dbapi",
    "duckdb",
    "ibis.backends.duckdb",
    "ibis.backends.postgres",
    "ibis.expr.sql",
    "pandas",
    "pyarrow.parquet",
    "workbench.datasets",
    "workbench.engines.postgres",
    "workbench.moving",
)
WATCHED = ("workbench/moving/", "workbench/engines/", "workbench/files.py", "workbench/audit/log.py")


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


class Attempt:
    """One fresh project, in a namespace of its own."""

    def __init__(self, template: Path, folder: Path, client: str, engine: dict[str, Any], namespace: str) -> None:
        self.project = Path(shutil.copytree(template, folder))
        self.client, self.engine = client, engine | {"namespace": namespace}
        self.file = self.project / "conf" / "clients" / client / "client.yml"

    def target(self) -> Any:
        from pydantic import TypeAdapter

        from workbench.clients.engines import Engine

        return TypeAdapter(Engine).validate_python(self.engine)

    def move(self) -> str:
        from workbench.moving import move

        return move(self.project, self.client, self.target()).step

    def finish(self) -> str:
        from workbench.moving import finish

        return finish(self.project, self.client).step

    def back(self) -> str:
        from workbench.moving import go_back

        return go_back(self.project, self.client).step

    def state(self) -> dict[str, Any]:
        """What stands where."""
        from workbench.datasets import PrimaryTable, RawTables
        from workbench.engines import fetch, open_warehouse
        from workbench.moving.digest import digest_of
        from workbench.moving.journal import read
        from workbench.moving.tables import tables_of

        own = {"client": self.client, "path": str(self.project / "conf")}
        data = self.project / "data" / self.client
        primary = PrimaryTable(filepath=str(data / "03_primary/primary.parquet"), **own).load()
        raw = RawTables(filepath=str(data / "01_raw"), **own).load()
        warehouse = open_warehouse(self.project, self.client, self.target())
        held = warehouse if "engine:" in self.file.read_text() else None
        moved = read(self.project, self.client)
        return {
            "file": self.file.read_text(),
            "journal": None if moved is None else moved.step,
            "names": [name.rpartition("_")[0] for name in warehouse.names()],
            "rows": {
                "primary": fetch(primary.aggregate(n=primary.count()))[0]["n"],
                **{name: fetch(table.aggregate(n=table.count()))[0]["n"] for name, table in raw.items()},
            },
            "digests": {
                table.label: digest_of(table.read(held)).digest for table in tables_of(self.project, self.client)
            },
            "audit": [
                json.loads(line)["action"]
                for line in (self.project / ".workbench" / "audit.jsonl").read_text().splitlines()
            ]
            if (self.project / ".workbench" / "audit.jsonl").exists()
            else [],
            "half_written": [path.name for path in self.project.rglob(".staging-*")],
        }


def main() -> None:
    """Arguments, as one JSON object: template, folder, client, engine, before, command, repair, places."""
    asked = json.loads(sys.argv[1])
    for name in PRELOADED:
        import_module(name)

    for number, place in enumerate(asked["places"]):
        namespace = f"{asked['client']}_{asked['command']}_{os.getpid()}_{number}"
        folder = Path(asked["folder"], namespace)
        one = Attempt(Path(asked["template"]), folder, asked["client"], asked["engine"], namespace)
        for step in asked["before"]:
            forked(getattr(one, step))
        struck = forked(getattr(one, asked["command"]), place)
        between = forked(one.state) if asked.get("look") else {}
        repaired = [forked(getattr(one, step)) for step in asked["repair"]]
        print(
            json.dumps(
                {"place": place, "struck": struck, "between": between, "repaired": repaired, "state": forked(one.state)}
            ),
            flush=True,
        )
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
