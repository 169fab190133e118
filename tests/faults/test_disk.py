"""Disks that take no more: one sentence from every writer, the old version whole, nothing left beside it.

A disk that is full, has no inode left or is read-only is a real one: a small tmpfs in a namespace of the process's own,
which root and a plain user may make alike. Where the kernel refuses that, a limit on the size of files, and folders
whose modes forbid writing, take its place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

WRITERS = {
    "a table": "t.parquet",
    "an Arrow table": "a.parquet",
    "tables": "tables",
    "a record": "r.json",
    "a CSV table": "t.csv",
    "a report": "r.html",
    "a report's numbers": "numbers",
    "a model": "model",
}
WHOLE = "; what stood there before is whole"
LEDGER = ". Next: look if the disk is full, and if you may write there"
FULL = f"the disk is full. Next: free some space on it{WHOLE}"
NO_INODES = f"the disk has no room for another file (no inode is left). Next: remove files that nobody needs{WHOLE}"
READ_ONLY = f"the disk is read-only. Next: mount it for writing{WHOLE}"
TOO_LARGE = f"the file grows larger than this process may write. Next: look at `ulimit -f`{WHOLE}"
REFUSED = f"this user may not write there. Next: look at whose folder it is{WHOLE}"


@cache
def has_namespaces() -> bool:
    """Whether a process may have mounts of its own here."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def write_twice(folder: Path, fault: str, *before: str) -> dict[str, Any]:
    """What ``disk_writers.py`` prints; ``before`` stands before its command line."""
    script = [sys.executable, str(Path(__file__).with_name("disk_writers.py")), str(folder), fault]
    done = subprocess.run([*before, *script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def look(told: dict[str, Any], folder: Path, sentence: str, ledger: str, run: str) -> None:
    assert told["said"] == {
        **{name: f"{folder / path}: {sentence}" for name, path in WRITERS.items()},
        "the ledger": f"{folder / 'ledger.db'}: the run ledger cannot be used ({ledger}){LEDGER}",
        "a run": told["said"]["a run"],
    }
    assert re.fullmatch(f"{run}: {re.escape(sentence)}", told["said"]["a run"])
    assert told["changed"] == [], "what stood there is not what it was"
    assert told["left"] == [], "half-written files are left"


CHECKED = "/desk/data/acme/02_intermediate/checked"
DISKS = {
    "full": (FULL, "database or disk is full", ("file size", TOO_LARGE, "disk I/O error")),
    "no inodes": (NO_INODES, "unable to open database file", ("file size", TOO_LARGE, "disk I/O error")),
    "read-only": (
        READ_ONLY,
        "unable to open database file",
        ("another's", REFUSED, "attempt to write a readonly database"),
    ),
}


@pytest.mark.parametrize(
    "fault", ["full", *(pytest.param(name, marks=pytest.mark.slow) for name in DISKS if name != "full")]
)
def test_a_disk_that_takes_no_more(fault: str, tmp_path: Path) -> None:
    sentence, ledger, otherwise = DISKS[fault]
    if not has_namespaces():
        pretend(tmp_path, *otherwise)
        return
    # `exec`, so that the mount and the process have one end.
    mounted = f'mount -t tmpfs -o size=8m,nr_inodes=80 none {tmp_path} && exec "$@"'
    told = write_twice(tmp_path, fault, "unshare", "-rm", "sh", "-c", mounted, "sh")
    look(told, tmp_path, sentence, ledger, re.escape(f"{tmp_path}{CHECKED}"))


@pytest.mark.slow
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    pretend(tmp_path, "file size", TOO_LARGE, "disk I/O error")


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    pretend(tmp_path, "another's", REFUSED, "attempt to write a readonly database")


def pretend(folder: Path, fault: str, sentence: str, ledger: str) -> None:
    # Root may write where modes forbid it, unless it gives that right up.
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    told = write_twice(folder, fault, *(without if fault == "another's" else []))
    # A run unpacks and converts to the temporary folder first, which has no more room than all else.
    run = r"/.+/workbench-[\w.-]+" if fault == "file size" else re.escape(f"{folder}{CHECKED}")
    look(told, folder, sentence, ledger, run)
