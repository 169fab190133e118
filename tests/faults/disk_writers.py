"""Run by ``test_disk.py`` in a process of its own: write everything once, let the disk fail, write everything again.

``python disk_writers.py <folder> <fault>``; prints what each writer said, and what then stood there, as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from full_disk import ROOM, fill


def main(folder: Path, fault: str) -> dict[str, Any]:
    writers = _writers(folder)
    for write in writers.values():
        write(small=True)
    before = _bytes_of(folder)
    _LIMITS[fault](folder)
    said = {}
    for name, write in writers.items():
        try:
            write(small=False)
            said[name] = "it was written"
        except Exception as error:  # noqa: BLE001 - the test looks at which it is
            said[name] = _explained(error)
    after = _bytes_of(folder)
    return {
        "said": said,
        "changed": sorted(path for path in before if after.get(path) != before[path]),
        "left": sorted(path for path in after if ".staging-" in path),
    }


def _writers(folder: Path) -> dict[str, Callable[..., None]]:
    from workbench.datasets import CsvTable, JsonRecord, ParquetTable, TableFolder, TextFile
    from workbench.datasets.numbers import ReportNumbers
    from workbench.engines import connection
    from workbench.fleet.ledger import Ledger
    from workbench.learning.storage import write_model

    def rows(small: bool) -> Any:
        count = 10 if small else 100_000
        return connection().sql(f"SELECT i, random() AS r FROM range({count}) t(i)")

    def text(small: bool) -> str:
        return os.urandom(5 if small else 2 * ROOM).hex()

    def at(kind: Any, name: str) -> Any:
        return kind(filepath=str(folder / name))

    desk = _desk(folder / "desk")
    return {
        "a table": lambda small: at(ParquetTable, "t.parquet").save(rows(small)),
        "an Arrow table": lambda small: at(ParquetTable, "a.parquet").save(rows(small).to_pyarrow()),
        "tables": lambda small: at(TableFolder, "tables").save({"a": rows(small=True), "b": rows(small)}),
        "a record": lambda small: at(JsonRecord, "r.json").save({"a": text(small)}),
        "a CSV table": lambda small: at(CsvTable, "t.csv").save(rows(small).to_pyarrow()),
        "a report": lambda small: at(TextFile, "r.html").save(text(small)),
        "a report's numbers": lambda small: at(ReportNumbers, "numbers").save({"a": [], "b": text(small)}),
        "a model": lambda small: write_model(folder / "model", {"model.json": b"{}", "w": text(small).encode()}),
        "the ledger": lambda small: Ledger(folder / "ledger.db").plan([("acme", "train")] * (1 if small else 20_000)),
        "a run": lambda small: desk.run("ingest"),
    }


def _desk(folder: Path) -> Any:
    """A client as in the other tests here."""
    spec = importlib.util.spec_from_file_location("desks", Path(__file__).parent / "conftest.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (folder / "data" / "acme" / "00_landing").mkdir(parents=True)
    desk = module.Desk(folder)
    desk.configure()
    lines = [f"{row},{os.urandom(15).hex()},{row % 2}\n" for row in range(10_000)]
    desk.deliver({"people.csv": ("id,city,late\n" + "".join(lines)).encode()})
    return desk


def _explained(error: Exception) -> str:
    import click

    from workbench.errors import WorkbenchError

    if isinstance(error, click.ClickException):
        return error.message
    found: BaseException | None = error
    while found is not None and not isinstance(found, WorkbenchError):
        found = found.__cause__
    return str(found) if found else f"{type(error).__name__}: {error}"


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().hex()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(("filler", "ledger.db"))
    }


def _use_all_names(folder: Path) -> None:
    number = 0
    try:
        while True:
            (folder / f"filler{number}").touch()
            number += 1
    except OSError:
        return


def _limit_files(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def _give_to_another(folder: Path) -> None:
    """The other way to a folder that cannot be written: its mode forbids it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


_LIMITS = {
    "full": fill,
    "no inodes": _use_all_names,
    "file size": _limit_files,
    "read-only": _make_read_only,
    "another's": _give_to_another,
}

if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
