"""A client that was removed is nowhere, its neighbour is as it was, and a killed removal is finished by the next call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench import audit
from workbench.cli.client import client
from workbench.clients import ClientRegistry
from workbench.erasure.certificate import verify
from workbench.erasure.removal import erase_client, plan_client
from workbench.errors import Busy, DataError, UnknownClient
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock


def invoke(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(client, [*arguments], obj=SimpleNamespace(project_path=project))


def digest(project: Path) -> dict[str, str]:
    """All files but SQLite's own, which any reader leaves."""
    files = (path for path in project.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): sha256_of_file(path) for path in files}


def of_neighbour(project: Path) -> dict[str, str]:
    roots = (
        "data/acme_2",
        "models/acme_2",
        "conf/clients/acme_2",
        "deliveries/acme_2",
        ".mlflow/artifacts/acme_2",
        "notebooks/explore/acme_2",
    )
    return {root: sha256_of_folder(project / root) for root in roots}


def test_without_yes_nothing_is_changed(lived_in: Path) -> None:
    before = digest(lived_in)
    said = json.loads(invoke(lived_in, "remove", "acme", "--erase", "--json").stdout)["would_erase"]
    amounts = {amount["place"]: amount for amount in said}
    assert amounts["data/acme/01_raw"]["rows"] == 25
    assert amounts["MLflow runs, models and versions"]["rows"] == 13
    assert amounts["ledger, schedules, receipts"]["rows"] == 4
    assert amounts["DVC cache and remotes on this machine"]["files"] == 6
    assert amounts["logs"]["files"] == 2
    assert "Nothing was changed" in invoke(lived_in, "remove", "acme", "--erase").stdout
    assert invoke(lived_in, "remove", "acme", "--erase", "--yes", "--dry-run").exit_code == 0
    assert digest(lived_in) == before
    assert invoke(lived_in, "remove", "acme").exit_code == 1, "it has to be said"


def test_a_removed_client_is_nowhere_and_its_neighbour_is_as_it_was(lived_in: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "tmp" / "workbench-smoke-1"
    scratch.mkdir()
    (scratch / "client.yml").write_text("id: acme")
    before = of_neighbour(lived_in)
    result = invoke(lived_in, "remove", "acme", "--erase", "--yes", "--by", "the DPO")
    assert result.exit_code == 0, result.output
    assert "acme" not in ClientRegistry(lived_in).ids()
    assert of_neighbour(lived_in) == before
    assert not scratch.exists()
    code = {"README.md", "about_acme.ipynb"}
    for path in lived_in.rglob("*"):
        if path in audit.files(lived_in):
            continue
        if path.is_file() and "acme_2" not in str(path) and "certificates" not in path.parts and path.name not in code:
            assert b"acme" not in path.read_bytes().replace(b"acme_2", b""), path
    trail = [entry for entry in audit.entries(lived_in) if entry.client == "acme"]
    assert {entry.action for entry in trail} == {"audit.erased", "client.erased"}
    assert not any(entry.facts for entry in trail), "of who was erased the trail has the id alone"
    assert (lived_in / "dvc.yaml").read_text() == "vars:\n  - clients: [acme_2]\n"
    assert {run.client for run in Ledger.of(lived_in).last()} == {"acme_2"}
    kept = {path.read_bytes() for path in (lived_in / ".dvc").glob("*/files/md5/*/*")}
    assert kept == {b"acme_2's table", b"shared"}, "an object that two clients share stays"


def test_the_certificate_says_what_was_erased_and_is_signed(lived_in: Path, signing_key: Path) -> None:
    done = erase_client(lived_in, "acme", "the DPO")
    record = verify(done.certificate)
    assert (record["what"], record["client"], record["by"]) == ("client erased", "acme", "the DPO")
    assert record["proof"]["clean"]
    assert {hit["path"] for hit in record["proof"]["mentions"]} >= {"README.md"}
    told = " ".join(record["not_erased"])
    assert "1 parcels by destination 'boss'" in told
    assert "s3://bucket/x" in told
    assert "secret" not in told
    assert signing_key.stat().st_mode & 0o777 == 0o600
    assert not signing_key.is_relative_to(lived_in)
    forged = json.loads(done.certificate.read_text())
    forged["record"]["by"] = "somebody else"
    done.certificate.write_text(json.dumps(forged))
    with pytest.raises(DataError, match="its signature does not hold"):
        verify(done.certificate)
    with pytest.raises(UnknownClient, match="if it was erased, certificates/ says so"):
        plan_client(lived_in, "acme")


def test_a_key_inside_the_project_is_refused_before_anything_is_erased(lived_in, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", str(lived_in / "key"))
    before = sha256_of_folder(lived_in / "data")
    result = invoke(lived_in, "remove", "acme", "--erase", "--yes")
    assert "the signing key would lie inside the project" in result.output
    assert sha256_of_folder(lived_in / "data") == before


def test_a_client_that_is_being_run_is_not_erased(lived_in: Path) -> None:
    lock = ClientLock(state_folder(lived_in), "acme")
    lock.acquire("train")
    with pytest.raises(Busy, match="is running pipeline 'train'"):
        erase_client(lived_in, "acme", "me")
    lock.release()
    assert (lived_in / "data/acme/01_raw").is_dir()


def test_what_is_left_somewhere_else_is_found_and_fails_the_proof(lived_in: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (lived_in / "exports").mkdir()
    pq.write_table(
        pa.table({"who": ["x", "of acme, too"], "n": [1, 2]}), lived_in / "exports/all.parquet", compression="zstd"
    )
    result = invoke(lived_in, "remove", "acme", "--erase", "--yes")
    assert result.exit_code == 1
    assert "still there: exports/all.parquet (column who)" in result.output


def test_a_stray_name_is_a_sentence(lived_in: Path) -> None:
    assert "did you mean" not in invoke(lived_in, "remove", "../acme", "--erase", "--yes").output
    assert invoke(lived_in, "remove", "../acme", "--erase", "--yes").exit_code == 1


KILLED = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[2])
def counting(real):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call
import workbench.erasure.removal as removal
for name in ("unlink", "rmdir", "rename", "replace"):
    setattr(os, name, counting(getattr(os, name)))
Path.unlink = counting(Path.unlink); Path.replace = counting(Path.replace)
removal.rows.erase = counting(removal.rows.erase)
removal.erase_client(Path(sys.argv[1]), "acme", "me")
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    "moment", [20, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (1, 4, 9, 32, 43))]
)
def test_a_killed_removal_is_finished_by_the_next_call(lived_in: Path, moment: int) -> None:
    before, plan = of_neighbour(lived_in), [amount.to_dict() for amount in plan_client(lived_in, "acme")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lived_in), str(moment)], check=False, capture_output=True, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    finished = erase_client(lived_in, "acme", "me")
    assert not finished.proof.left
    assert finished.record["erased"] == plan, "the certificate says what there was when it began"
    assert len(list((lived_in / "certificates").glob("*.json"))) == 1
    assert of_neighbour(lived_in) == before
    assert not list(state_folder(lived_in).glob("erasure/*"))
