"""A full disk under MLflow's embedded store is one sentence; what was recorded before can be read, and what comes later
is written. The disk is a small tmpfs, as in ``test_disk.py``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import StorageError
from workbench.registry.store import translated


@pytest.mark.slow
@pytest.mark.integration
def test_a_full_disk_under_mlflows_store(tmp_path: Path) -> None:
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("the kernel lets no process have mounts of its own here")
    mounted = f'mount -t tmpfs -o size=16m none {tmp_path} && exec "$@"'
    script = [sys.executable, str(Path(__file__).with_name("mlflow_on_a_full_disk.py")), str(tmp_path)]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounted, "sh", *script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    where = f"MLflow store {told['uri']}: "
    for said in told["said"].values():
        assert said.startswith((f"{where}the disk is full", f"{where}the disk takes no more")), told
        assert said.endswith("what was recorded before is whole; then run the same command again")
        assert "SQL:" not in said
    assert told["params"] == {"before": "1", "after": "2"}


@pytest.mark.parametrize("words", ["database or disk is full", "attempt to write a readonly database"])
def test_a_servers_disk_is_not_this_machines(words: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(StorageError, match="MLflow store sqlite:///x.db"), translated("sqlite:///x.db"):
        raise MlflowException(f"(sqlite3.OperationalError) {words}\n[SQL: INSERT …]")
    with pytest.raises(Exception, match=words) as caught, translated("http://127.0.0.1:1"):
        raise MlflowException(f"(sqlite3.OperationalError) {words}\n[SQL: INSERT …]")
    assert not isinstance(caught.value, StorageError)
