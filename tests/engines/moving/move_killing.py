"""Runs one command of a move again and again in a fresh project, each time killed (SIGKILL) at another function call.

Started by a test as a process of its own; see ``tests/doubles/call_killing.py``.

Prints one JSON object a line: for each place of the kill, how the child ended and what stood there after the repair.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from call_killing import forked

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
        struck = forked(getattr(one, asked["command"]), place, WATCHED)
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
