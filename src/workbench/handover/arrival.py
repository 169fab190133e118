"""``kedro client import``: a client from an archive becomes one of this project's, whole or not at all.

Code is never taken from an archive: a client that needs a recipe which is not here is told so. The configuration goes
last, because it makes the client one: what a killed import has left before is cleared away by the next one, and one
that was killed after it has only to be told that it is done.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.model import CLIENT_ID
from workbench.erasure import databases, rows
from workbench.erasure.places import Place, client_places, remove
from workbench.errors import ConfigurationError, DataError, UnknownClient
from workbench.files import durable_folder
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.handover import store
from workbench.handover.archive import DATABASE
from workbench.handover.marker import Marker, content_digest
from workbench.handover.unpack import MOST_BYTES, unpack
from workbench.registry import local_store
from workbench.registry.store import tracking_uri
from workbench.signing import signer

__all__ = ["Arrived", "Parcel", "import_client"]

OWN = ("data", "models", "notebooks/explore", ".mlflow/artifacts")
NOT_THE_CLIENTS = frozenset({"pages on the fleet", "runs that were run again", "state"})
"""What an erasure takes as well, and an import has not brought."""


@dataclass(frozen=True)
class Parcel:
    """What a person gives.

    Attributes:
        archive: the file.
        new_id: the client's id here; None for the one that it has.
        key: the sender's public key; None for an archive of this user's own, or of a key under certificates/.
        most: bytes that it may unpack to.
    """

    archive: Path
    new_id: str | None = None
    key: Path | None = None
    most: int = MOST_BYTES


@dataclass(frozen=True)
class Arrived:
    """What came in.

    Attributes:
        client: its id here.
        files: how many files of the client's were in the archive.
        with_data: whether the data were among them.
        missing_recipe: the recipe that it needs and this project does not have.
    """

    client: str
    files: int
    with_data: bool
    missing_recipe: str | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(vars(self))


def import_client(project: Path, parcel: Parcel, *, dry_run: bool = False) -> Arrived:
    """Check an archive as a whole, then take the client in.

    Raises:
        DataError: the archive was changed, is not signed by a key that is trusted, or tries what none does.
        ConfigurationError: there is such a client, or such data, already.
        Busy: another import of that client is going on.
    """
    if tracking_uri(project) != local_store.uri(project):
        raise ConfigurationError(
            "an import writes the project's own MLflow store, and MLFLOW_TRACKING_URI names another",
            hint="unset it, or run the archive as a project of its own",
        )
    state = state_folder(project)
    with _scratch(state, parcel.archive.name) as scratch, _keys(project, parcel, scratch) as keys:
        folder = scratch / "unpacked"
        folder.mkdir()
        record = unpack(parcel.archive, folder, keys, parcel.most)
        old = str(record["client"])
        new = parcel.new_id or old
        _check_ids(old, new)
        lock = ClientLock(state, new)
        lock.acquire("import")
        try:
            marker = Marker(project, new, content_digest(record))
            if not marker.is_done():
                _check_room(project, new, marker, dry_run)
            arrived = _arrived(project, folder, old, new, record)
            if not dry_run:
                if not marker.is_done():
                    _take_in(project, folder, old, new, marker)
                audit.record(project, "client.imported", client=new, exported_as=old)
                marker.drop()
        finally:
            lock.release()
    return arrived


def _take_in(project: Path, folder: Path, old: str, new: str, marker: Marker) -> None:
    marker.write()
    try:
        database = folder / DATABASE
        ids = store.new_ids(database, f"{new}\n") if old != new and database.exists() else {}
        rename = store.renaming(ids)
        for root in OWN:
            source = folder / root / old
            if source.is_dir():
                _rename_below(source, rename, ids)
                target = project / root / new
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(source, target)
        if database.exists():
            store.merge(project, database, old, new, rename)
        with durable_folder(ClientRegistry(project).root / new) as staging:
            shutil.copytree(folder / "conf" / "clients" / old, staging, dirs_exist_ok=True)
            client_yml = staging / "client.yml"
            client_yml.write_text(_configuration(client_yml.read_text(encoding="utf-8"), old, new), encoding="utf-8")
    except BaseException:
        _clear(project, new)
        marker.drop()
        raise


def _configuration(text: str, old: str, new: str) -> str:
    """client.yml under another id: its own id, and paths into its own data."""
    if old == new:
        return text
    text = re.sub(rf"(?m)^id:\s*[\"']?{old}[\"']?", f"id: {new}", text)
    return text.replace(f"data/{old}/", f"data/{new}/")


def _rename_below(folder: Path, rename: store.Renaming, ids: dict[str, str]) -> None:
    """Give folders of runs and models their new ids, and say so in MLflow's own file."""
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True) if ids else ():
        if path.name == "MLmodel":
            path.write_text(rename(path.read_text(encoding="utf-8")), encoding="utf-8")
        elif path.name in ids:
            path.rename(path.with_name(ids[path.name]))


def _arrived(project: Path, folder: Path, old: str, new: str, record: dict[str, Any]) -> Arrived:
    client = ClientRegistry(folder).load(old)
    recipes = project / "src" / "pipelines" / "prepare" / "recipes"
    missing = None if (recipes / f"{client.recipe}.py").exists() else client.recipe
    files = sum(1 for name in record["files"] if any(name.startswith(f"{root}/{old}/") for root in OWN))
    return Arrived(new, files, bool(record["with_data"]), missing)


def _check_ids(old: str, new: str) -> None:
    for one in (old, new):
        if not re.fullmatch(CLIENT_ID, one):
            raise UnknownClient(
                f"{one[:40]!r} is not a client id", hint="two to forty of a-z, 0-9 and _, a letter first"
            )


def _check_room(project: Path, new: str, marker: Marker, dry_run: bool) -> None:
    """What lies there belongs to a client, to an import that was killed, or to nobody knows whom."""
    if marker.folder.exists():
        raise ConfigurationError(
            f"there is a client '{new}' already", where=str(marker.folder), hint="give --as <new id>"
        )
    if marker.is_there():
        if dry_run:
            return
        _clear(project, new)
        marker.drop()
    left = _left(project, new)
    if left:
        raise ConfigurationError(
            f"there is something of a client '{new}' already: {left[0].name}",
            hint=f"give --as <new id>, or `kedro client remove {new} --erase`",
        )


def _left(project: Path, client: str) -> list[Place]:
    return [place for place in client_places(project, client) if place.name not in NOT_THE_CLIENTS]


def _clear(project: Path, client: str) -> None:
    for place in _left(project, client):
        remove(place.paths)
    remove([ClientRegistry(project).root / client])
    rows.erase(databases.mlflow(project), databases.mlflow_roots(project, client))


@contextmanager
def _scratch(state: Path, name: str) -> Iterator[Path]:
    """A private folder on the project's own file system, so that folders can be moved from it."""
    import tempfile

    if not name.endswith((".tar.gz", ".tgz")):
        raise DataError(f"'{name}' is no .tar.gz", hint="give an archive of `kedro client export`")
    lock = ClientLock(state / "imports", "any")
    lock.acquire("import")
    try:
        for folder in state.glob(".import-*"):
            shutil.rmtree(folder)  # one import at a time, so this one's process is dead
        with tempfile.TemporaryDirectory(prefix=".import-", dir=state) as scratch:
            yield Path(scratch)
    finally:
        lock.release()


@contextmanager
def _keys(project: Path, parcel: Parcel, scratch: Path) -> Iterator[Path]:
    """The keys that are trusted: the one that was given, else this user's own and those under certificates/."""
    if parcel.key is not None:
        yield parcel.key
        return
    folder = scratch / "keys"
    folder.mkdir()
    signer(project).publish(folder)
    for path in (project / "certificates").glob("*.pub"):
        shutil.copy(path, folder / path.name)
    yield folder
