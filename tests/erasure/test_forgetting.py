"""A subject that was forgotten is nowhere, does not come back, and the models that saw it are marked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from workbench.cli.client import client
from workbench.clients import ClientRegistry
from workbench.clients.check import check_client
from workbench.clients.tombstones import read_tombstones
from workbench.datasets.sources import SourceTables
from workbench.erasure.certificate import verify
from workbench.erasure.forgetting import Wanted, forget_subject, plan_subject
from workbench.erasure.journal import journal_path, subject_digest
from workbench.errors import ConfigurationError, DataError
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.registry.retraining import champion_to_retrain

SUBJECT = "P000042"
WANTED = Wanted("acme", SUBJECT, ("person",))


def invoke(project: Path, *arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(client, [*arguments], obj=SimpleNamespace(project_path=project), **options)


def rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def test_the_plan_counts_and_changes_nothing(lived_in: Path) -> None:
    files = {
        path: sha256_of_file(path)
        for path in lived_in.rglob("*")
        if path.is_file() and path.suffix not in {".db-wal", ".db-shm"}
    }
    said = json.loads(
        invoke(
            lived_in, "forget", "acme", "--subject", "-", "--column", "person", "--json", input=f"{SUBJECT}\n"
        ).stdout
    )
    amounts = {one["place"]: one for one in said["would_erase"]}
    assert amounts["data/acme/01_raw/orders.parquet"]["rows"] == 4
    assert amounts["data/acme/04_feature/features.parquet"]["rows"] == 4, "by the keys of its orders"
    assert amounts["data/acme/02_intermediate/quarantine/orders.parquet"]["rows"] == 2, (
        "one of them a line that is no row"
    )
    assert amounts["data/acme/00_landing/orders.csv"]["rows"] == 4
    assert SUBJECT not in json.dumps(said)
    assert {path: sha256_of_file(path) for path in files} == files


def test_a_forgotten_subject_is_nowhere_and_the_others_are_all_there(lived_in: Path) -> None:
    data = lived_in / "data/acme"
    before = {name: rows(data / name) for name in ("01_raw/orders.parquet", "07_model_output/predictions.parquet")}
    csv_before = (data / "00_landing/orders.csv").read_text().splitlines(keepends=True)
    neighbour = sha256_of_folder(lived_in / "data/acme_2")
    result = invoke(lived_in, "forget", "acme", "--subject", SUBJECT, "--column", "person", "--yes")
    assert result.exit_code == 0, result.output
    assert SUBJECT not in result.output
    mine = {row["order_id"] for row in before["01_raw/orders.parquet"] if row["person"] == SUBJECT}
    for name, had in before.items():
        assert rows(data / name) == [row for row in had if row["order_id"] not in mine], name
    assert (data / "00_landing/orders.csv").read_text() == "".join(line for line in csv_before if SUBJECT not in line)
    assert pq.read_schema(data / "07_model_output/predictions.parquet").metadata[b"workbench.client"] == b"acme"
    assert sha256_of_folder(lived_in / "data/acme_2") == neighbour, "the same key of another client is another person's"
    for path in lived_in.rglob("*"):
        if path.is_file() and "acme_2" not in str(path):
            assert SUBJECT.encode() not in path.read_bytes(), path
    assert not any((data / "08_reporting").iterdir())
    assert not list((lived_in / ".mlflow/artifacts/acme").rglob("input_example.json"))
    assert list((lived_in / ".mlflow/artifacts/acme").rglob("data/model/model.json"))


def test_it_does_not_come_back_and_not_into_quarantine_either(lived_in: Path) -> None:
    source = lived_in / "data/acme/00_landing/orders.csv"
    had = source.read_text()
    forget_subject(lived_in, WANTED, "me")
    source.write_text(had + f"acme-O9999,  {SUBJECT} ,?\nbroken,{SUBJECT},1,2,3\nacme-O0002,,1\n")
    tables = SourceTables(client="acme", path=str(lived_in / "conf")).load()
    opened = tables["orders"](0.1).rows.to_pyarrow()
    assert SUBJECT not in str(opened.to_pylist())
    assert opened.num_rows == 20 - 4
    assert "acme-O0002" not in opened["order_id"].to_pylist(), "an order of the subject's without its name"
    stones = read_tombstones(lived_in / "conf/clients/acme")
    assert SUBJECT not in (lived_in / "conf/clients/acme/tombstones.json").read_text()
    assert stones is not None
    (lived_in / "conf/clients/acme/tombstones.json").write_text("{")
    with pytest.raises(ConfigurationError, match="says who was forgotten, and cannot be read"):
        tables["orders"](0.1)


def test_the_champion_is_marked_for_retraining(lived_in: Path) -> None:
    assert champion_to_retrain(lived_in, "acme") is None
    record = forget_subject(lived_in, WANTED, "me").record
    assert record["retrain"] == ["acme version 1"]
    assert champion_to_retrain(lived_in, "acme_2") is None
    result = invoke(lived_in, "check", "acme")
    assert result.exit_code == 1
    assert "champion version 1 is to be trained again" in result.output
    assert check_client(ClientRegistry(lived_in), "acme", None) == []


def test_the_certificate_does_not_tell_the_key(lived_in: Path) -> None:
    done = forget_subject(lived_in, WANTED, "me")
    assert SUBJECT not in done.certificate.read_text()
    known = verify(done.certificate)["subject"]
    assert subject_digest(SUBJECT, known["salt"]) == known["scrypt"]
    said = invoke(lived_in, "certificate", "verify", str(done.certificate), "--subject", SUBJECT).output
    assert "it is about this subject" in said
    assert (
        "it is not about this subject"
        in invoke(lived_in, "certificate", "verify", str(done.certificate), "--subject", "P1").output
    )


def test_a_copy_that_nobody_knows_of_fails_the_proof(lived_in: Path) -> None:
    (lived_in / "exports").mkdir()
    (lived_in / "exports/mail.html").write_text(f"<td>{SUBJECT}</td>")
    (lived_in / "exports/other.html").write_text(f"<td>{SUBJECT}7 x{SUBJECT}</td>")
    done = forget_subject(lived_in, WANTED, "me")
    assert [(hit.path, hit.inside) for hit in done.proof.left] == [("exports/mail.html", "the bytes")]
    assert done.record["proof"]["clean"] is False


def test_what_is_meant_has_to_be_clear(lived_in: Path) -> None:
    with pytest.raises(ConfigurationError, match="no table has a column 'persn'.*did you mean 'person'"):
        plan_subject(lived_in, Wanted("acme", SUBJECT, ("persn",)))
    with pytest.raises(DataError, match="empty"):
        plan_subject(lived_in, Wanted("acme", "  "))
    tables = [one.place for one in plan_subject(lived_in, Wanted("acme", "acme-O0003")) if one.rows]
    assert len(tables) == 5, tables


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
import workbench.erasure.forgetting as forgetting
for name in ("unlink", "rmdir", "rename", "replace"):
    setattr(os, name, counting(getattr(os, name)))
Path.unlink = counting(Path.unlink); Path.replace = counting(Path.replace)
forgetting.forget_subject(Path(sys.argv[1]), forgetting.Wanted("acme", "P000042", ("person",)), "me")
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    "moment", [17, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (3, 7, 30, 34, 37, 41))]
)
def test_a_killed_one_is_finished_by_the_next_call(lived_in: Path, moment: int) -> None:
    plan = [amount.to_dict() for amount in plan_subject(lived_in, WANTED)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lived_in), str(moment)], check=False, capture_output=True, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    if journal_path(lived_in, "acme").exists():
        with pytest.raises(ConfigurationError, match="an erasure of another subject was begun"):
            forget_subject(lived_in, Wanted("acme", "P000043", ("person",)), "me")
    finished = forget_subject(lived_in, WANTED, "me")
    assert not finished.proof.left
    swept = [one for one in plan if not one["place"].startswith("staged tables")]  # before the first look
    assert finished.record["erased"] == swept
    assert finished.record["retrain"] == ["acme version 1"]
    assert len(rows(lived_in / "data/acme/04_feature/features.parquet")) == 16
    for path in lived_in.rglob("*"):
        if path.is_file() and "acme_2" not in str(path):
            assert SUBJECT.encode() not in path.read_bytes(), path
