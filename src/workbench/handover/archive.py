"""``kedro client export``: the archive. The same client gives the same bytes, whoever exports it when."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.errors import DataError
from workbench.files import durable_file, sha256_of_file
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.handover import store
from workbench.handover.members import FILES, POINTERS, RECIPES, adapted, members_of, pointers, refuse_foreign
from workbench.handover.readme import readme
from workbench.scratch import private_folder
from workbench.signing import signer

__all__ = ["FORMAT", "MANIFEST", "Exported", "export_client", "plan_export"]

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = ".mlflow/mlflow.db"


@dataclass(frozen=True)
class Exported:
    """What was, or would be, exported.

    Attributes:
        path: the archive.
        files: how many it holds.
        bytes: how many they have, unpacked.
        with_data: whether the client's data are among them.
    """

    path: Path
    files: int
    bytes: int
    with_data: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self) | {"path": str(self.path)}


def plan_export(project: Path, client: str, output: Path, *, with_data: bool) -> Exported:
    """How much would be exported; nothing is written."""
    members = members_of(project, client, with_data=with_data)
    return Exported(output, len(members), sum(path.stat().st_size for path in members.values()), with_data)


def export_client(project: Path, client: str, output: Path, *, with_data: bool) -> Exported:
    """Write the archive, whole or not at all.

    Raises:
        UnknownClient: there is no such client.
        ConfigurationError: what is the client's holds another client's id, or a secret.
        DataError: a file changed while it was read.
        Busy: a run of the client is going on.
    """
    ClientRegistry(project).folder(client)
    lock = ClientLock(state_folder(project), client)
    lock.acquire("export")
    try:
        with private_folder("export") as scratch:
            members = _collected(project, client, Path(scratch), with_data=with_data)
            refuse_foreign(project, client, members)
            seal = signer(project)
            listed: dict[str, Any] = {
                name: {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)} for name, path in members.items()
            }
            record = {
                "format": FORMAT,
                "client": client,
                "workbench": version("smithright-workbench"),
                "with_data": with_data,
                "files": listed,
            }
            text = json.dumps(seal.sealed(record), indent=1, ensure_ascii=False) + "\n"
            with durable_file(output) as staging, staging.open("wb") as stream:
                _write(
                    stream,
                    client,
                    {MANIFEST: text.encode(), f"{seal.fingerprint}.pub": seal.public.encode()},
                    members,
                    listed,
                )
        audit.record(project, "client.exported", client=client, with_data=with_data, key=seal.fingerprint)
    finally:
        lock.release()
    return Exported(output, len(members), sum(one["bytes"] for one in listed.values()), with_data)


def _collected(project: Path, client: str, scratch: Path, *, with_data: bool) -> dict[str, Path]:
    """The members, and those that are made for the archive, in a private folder."""
    one = ClientRegistry(project).load(client)
    members = members_of(project, client, with_data=with_data)
    made = {"HANDOVER.md": readme(one, with_data=with_data)}
    if not with_data:
        made[POINTERS] = json.dumps(pointers(project, client), indent=1) + "\n"
    for name in (*FILES, f"{RECIPES}/__init__.py"):
        if name in members:
            made[name] = adapted(name, members[name].read_text(encoding="utf-8"), one)
    for name, text in made.items():
        path = scratch / name.replace("/", "__")
        path.write_text(text, encoding="utf-8")
        members[name] = path
    if store.alone(project, client, scratch / "mlflow.db"):
        members[DATABASE] = scratch / "mlflow.db"
    return dict(sorted(members.items()))


def _write(
    stream: IO[bytes], top: str, first: dict[str, bytes], members: dict[str, Path], listed: dict[str, Any]
) -> None:
    # No name, no time, one level: gzip's header and everybody's zlib would differ otherwise.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in first.items():
            archive.addfile(_entry(f"{top}/{name}", len(content)), io.BytesIO(content))
        for name, path in members.items():
            with path.open("rb") as source:
                archive.addfile(_entry(f"{top}/{name}", listed[name]["bytes"]), source)
            if sha256_of_file(path) != listed[name]["sha256"]:
                raise DataError("changed while it was exported", where=str(path), hint="give the command again")


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, 0, 0o644
    return entry
