"""An archive runs without the fleet, holds nobody else's, comes back in whole, and is refused if it was touched."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.client import client
from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError, DataError
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.handover.archive import export_client
from workbench.handover.arrival import Parcel, import_client

PREDICTIONS = "data/clinic/07_model_output/predictions.parquet"


def invoke(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(client, [*arguments], obj=SimpleNamespace(project_path=project))


@pytest.mark.slow
@pytest.mark.integration
def test_an_archive_predicts_byte_for_byte_without_the_fleet(two_clients: Path, tmp_path: Path) -> None:
    target = tmp_path / "clinic.tar.gz"
    result = invoke(two_clients, "export", "clinic", "--with-data", "--output", str(target))
    assert result.exit_code == 0, result.output
    _holds_nobody_else(target)
    again = export_client(two_clients, "clinic", tmp_path / "again.tar.gz", with_data=True)
    assert sha256_of_file(again.path) == sha256_of_file(target), "the same client, the same bytes"
    empty = tmp_path / "another house"
    with tarfile.open(target) as archive:
        archive.extractall(empty, filter="data")
    alone = empty / "clinic"
    assert sorted(path.name for path in (alone / "conf/clients").iterdir()) == ["clinic"]
    expected = sha256_of_file(alone / PREDICTIONS)
    (alone / PREDICTIONS).unlink()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    environment |= {"PYTHONPATH": str(alone / "src")}
    command = [sys.executable, "-m", "kedro", "run", "--pipeline", "score", "--env", "clients/clinic"]
    done = subprocess.run(command, cwd=alone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sha256_of_file(alone / PREDICTIONS) == expected == sha256_of_file(two_clients / PREDICTIONS)


def _holds_nobody_else(target: Path) -> None:
    """No byte of the other client's, also not in pages of the database that are not used any more."""
    import pyarrow.parquet as pq

    with tarfile.open(target) as archive:
        for entry in archive:
            assert entry.isreg()
            assert "zebra" not in entry.name
            stream = archive.extractfile(entry)
            assert stream is not None
            content = stream.read()
            assert b"zebra_9" not in content, entry.name
            assert b"PRIVATE KEY" not in content or entry.name.endswith("signing.py"), entry.name
            if entry.name.endswith(".parquet"):
                assert "zebra_9" not in str(pq.read_table(io.BytesIO(content)).to_pylist())


@pytest.fixture
def archive(two_clients: Path, tmp_path: Path) -> Path:
    """An archive of clinic without its data."""
    return export_client(two_clients, "clinic", tmp_path / "clinic.tar.gz", with_data=True).path


@pytest.mark.slow
def test_what_names_another_client_does_not_leave_the_house(
    two_clients: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    page = two_clients / "data/clinic/08_reporting/note.html"
    page.write_text("better than zebra_9")
    with pytest.raises(ConfigurationError, match="08_reporting/note.html: names another client, 'zebra_9'"):
        export_client(two_clients, "clinic", tmp_path / "a.tar.gz", with_data=False)
    monkeypatch.setenv("CLINIC__DATABASE", "s3cr3t-of-clinic")
    page.write_text("postgres said: s3cr3t-of-clinic")
    with pytest.raises(ConfigurationError, match="holds a secret") as caught:
        export_client(two_clients, "clinic", tmp_path / "a.tar.gz", with_data=False)
    assert "s3cr3t" not in str(caught.value)
    assert not (tmp_path / "a.tar.gz").exists()
    page.unlink()
    done = export_client(two_clients, "clinic", tmp_path / "a.tar.gz", with_data=False)
    with tarfile.open(done.path) as packed:
        names = packed.getnames()
        assert not any("/data/clinic/0" in name and "08_reporting" not in name for name in names)
        listed = json.load(packed.extractfile("clinic/data_pointers.json"))
    assert PREDICTIONS in {one["path"] for one in listed}


@pytest.mark.slow
def test_a_client_comes_back_in_also_beside_itself(two_clients: Path, archive: Path, kedro: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"there is a client 'clinic' already.*--as <new id>"):
        import_client(two_clients, Parcel(archive))
    before = sha256_of_folder(two_clients / "conf")
    assert invoke(two_clients, "import", str(archive), "--as", "clinic_2", "--dry-run").exit_code == 0
    assert sha256_of_folder(two_clients / "conf") == before
    result = invoke(two_clients, "import", str(archive), "--as", "clinic_2")
    assert result.exit_code == 0, result.output
    assert ClientRegistry(two_clients).load("clinic_2").id == "clinic_2"
    predictions = two_clients / "data/clinic_2/07_model_output/predictions.parquet"
    predictions.unlink()
    kedro(two_clients, "run", "--pipeline", "score", "--env", "clients/clinic_2")
    import pyarrow.parquet as pq

    assert pq.read_table(predictions).equals(pq.read_table(two_clients / PREDICTIONS))
    rows = json.loads(kedro(two_clients, "mlflow", "champions", "--json").stdout)
    versions = {row["client"]: (row["version"], row["run_id"]) for row in rows}
    assert versions["clinic_2"][0] == versions["clinic"][0]
    assert versions["clinic_2"][1] != versions["clinic"][1]


def repacked(archive: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> Path:
    """The archive with other members, under a signature that still is the old one."""
    with tarfile.open(archive) as packed:
        members = [(entry, packed.extractfile(entry).read()) for entry in packed]
    change(members)
    target = archive.with_name("changed.tar.gz")
    with tarfile.open(target, "w:gz") as out:
        for entry, content in members:
            out.addfile(entry, io.BytesIO(content))
    return target


def _member(name: str, content: bytes = b"x", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry, content


def _flip(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    place = next(place for place, (entry, _) in enumerate(members) if entry.name.endswith("client.yml"))
    members[place] = (members[place][0], members[place][1].replace(b"malignant", b"malignent"))


def _sign_nothing(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    document = json.loads(members[0][1])
    document["record"]["client"] = "clinique"
    members[0] = _member(members[0][0].name, json.dumps(document).encode())


ATTACKS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "slip": (lambda m: m.insert(3, _member("clinic/../../evil")), "leads out of the archive's folder"),
    "absolute": (lambda m: m.insert(3, _member("/tmp/evil")), "leads out of the archive's folder"),
    "link": (
        lambda m: m.insert(3, _member("clinic/a", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        "is no plain file",
    ),
    "hard link": (
        lambda m: m.insert(3, _member("clinic/a", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
        "is no plain file",
    ),
    "device": (lambda m: m.insert(3, _member("clinic/a", b"", type=tarfile.CHRTYPE)), "is no plain file"),
    "unknown": (lambda m: m.append(_member("clinic/src/evil.py")), "is not in its manifest"),
    "twice": (lambda m: m.append(m[-1]), "is not in its manifest, or twice"),
    "missing": (lambda m: m.pop(), "lacks 1 files of its manifest"),
    "changed": (_flip, "is not what its manifest says"),
    "forged": (_sign_nothing, "its signature does not hold"),
    "no manifest": (lambda m: m.pop(0), "does not begin with manifest.json"),
    "bomb": (lambda m: m.insert(2, _member("clinic/zeros", bytes(40_000_000))), "is not in its manifest"),
}


def test_every_attack_is_one_sentence_and_leaves_nothing(two_clients: Path, archive: Path) -> None:
    """One archive for all of them: to make it takes longer than to refuse it."""
    before = {path: path.stat().st_mtime_ns for path in two_clients.rglob("*") if "imports" not in path.parts}
    for name, (change, said) in ATTACKS.items():
        with pytest.raises(DataError, match=re.escape(said)) as caught:
            import_client(two_clients, Parcel(repacked(archive, change), new_id="clinic_2"))
        assert "\n" not in str(caught.value), name
    whole = archive.read_bytes()
    for content, said in (
        (whole[: len(whole) // 2], "is no whole archive"),
        (b"PK", "is no whole archive"),
        (gzip.compress(b"x" * 9999), "is no whole"),
    ):
        archive.with_name("cut.tar.gz").write_bytes(content)
        with pytest.raises(DataError, match=said):
            import_client(two_clients, Parcel(archive.with_name("cut.tar.gz"), new_id="clinic_2"))
    with pytest.raises(DataError, match="allow more: --max-bytes"):
        import_client(two_clients, Parcel(archive, new_id="clinic_2", most=1000))
    after = {path: path.stat().st_mtime_ns for path in two_clients.rglob("*") if "imports" not in path.parts}
    assert {path for path in after if after[path] != before.get(path)} <= {
        two_clients / ".workbench",
        two_clients / ".workbench/locks",
        two_clients / ".workbench/locks/clinic_2.lock",
    }


def test_a_stranger_s_key_is_not_trusted_because_it_came_along(two_clients, archive, tmp_path, monkeypatch) -> None:
    public = next((tmp_path / "keys").glob("*.pub"), None)
    with tarfile.open(archive) as packed:
        name = next(name for name in packed.getnames() if name.endswith(".pub"))
        public = tmp_path / "sender.pub"
        public.write_bytes(packed.extractfile(name).read())
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", str(tmp_path / "other" / "key"))
    with pytest.raises(DataError, match="the public key .* is not there.*give --key <file>"):
        import_client(two_clients, Parcel(archive, new_id="clinic_2"))
    assert import_client(two_clients, Parcel(archive, new_id="clinic_2", key=public), dry_run=True).client == "clinic_2"


def test_a_broken_import_leaves_nothing(two_clients: Path, archive: Path, monkeypatch: Any) -> None:
    from workbench.handover import arrival

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrival.store, "merge", fail)
    with pytest.raises(OSError, match="No space"):
        import_client(two_clients, Parcel(archive, new_id="clinic_2"))
    monkeypatch.undo()
    left = [path for path in two_clients.rglob("*clinic_2*") if path.suffix != ".lock"]
    assert left == []
