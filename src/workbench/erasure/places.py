"""Where a client's files lie in a project, and how much of it there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.erasure.databases import artifact_paths, log_numbers
from workbench.fleet.ledger import state_folder
from workbench.registry import local_store

__all__ = ["Amount", "Place", "amount_of", "client_places", "files_below", "logs_of", "remove"]

STAGING = ".staging-"
CHECKPOINTS = ".ipynb_checkpoints"


@dataclass(frozen=True)
class Amount:
    """What lies, or lay, in one place. Rows are those of Parquet tables and of databases."""

    place: str
    files: int = 0
    rows: int = 0
    bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """Files and folders that belong together, under a name for people."""

    name: str
    paths: tuple[Path, ...]


def client_places(project: Path, client: str) -> list[Place]:
    """Every place that is a client's alone, less its configuration and its lock, which go last."""
    data = project / "data" / client
    layers = sorted(data.iterdir()) if data.is_dir() and not data.is_symlink() else []
    artifacts = local_store.artifacts(project) / client
    places = [Place(f"data/{client}/{path.name}", (path,)) for path in layers]
    places += [
        Place("models", (project / "models" / client,)),
        Place("MLflow artifacts", (artifacts, *artifact_paths(project, client))),
        Place("reports delivered to a folder of the project", (project / "deliveries" / client,)),
        Place("notebooks of the client", (project / "notebooks" / "explore" / client,)),
        Place("logs", tuple(logs_of(project, client))),
        Place("state", tuple(_state(state_folder(project), client))),
        Place("configuration of stages", tuple((project / "conf" / "stages").glob(f"*/{client}"))),
        Place("what was served here", (state_folder(project) / "serving" / client,)),
        Place("runs that were run again", (state_folder(project) / "reruns",)),
        Place("pages on the fleet", (state_folder(project) / "reports",)),
        Place("staged files", tuple(_staged(project, client))),
        Place(f"data/{client}", (data,)),
    ]
    return [place for place in places if any(os.path.lexists(path) for path in place.paths)]


def logs_of(project: Path, client: str) -> Iterator[Path]:
    """The logs of the client's runs and slots; they bear the numbers of the ledger's rows."""
    logs, numbers = state_folder(project) / "logs", log_numbers(project, client)
    again = [f"rerun-{number}" for number in numbers["run"]]
    for folder, names in ((logs, [*numbers["run"], *again]), (logs / "slots", numbers["slot"])):
        yield from (path for name in names if (path := folder / f"{name}.log").exists())


def _state(state: Path, client: str) -> Iterator[Path]:
    """What is called after the client, at any depth; but locks, which are held, and this erasure's own journal."""
    for folder, folders, files in os.walk(state):
        for name in [*folders, *files]:
            path = Path(folder, name)
            if name.split(".")[0] == client and path.suffix != ".lock" and path.parent.name != "erasure":
                yield path
        folders[:] = [name for name in folders if name != client]


def _staged(project: Path, client: str) -> Iterator[Path]:
    """What a writer that was killed left beside one of the client's folders."""
    for parent in ("data", "models", "conf/clients", "deliveries", ".mlflow/artifacts", "notebooks/explore"):
        yield from (project / parent).glob(f"{STAGING}*-{client}")


def files_below(paths: Iterable[Path]) -> Iterator[Path]:
    """All files and links in files and folders; no link is followed."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            for folder, folders, files in os.walk(path):
                yield from (Path(folder, name) for name in files)
                yield from (Path(folder, name) for name in folders if Path(folder, name).is_symlink())
        elif os.path.lexists(path):
            yield path


def amount_of(place: Place) -> Amount:
    """How much there is in a place."""
    files = rows = size = 0
    for path in files_below(place.paths):
        files, size = files + 1, size + path.lstat().st_size
        rows += _rows(path)
    return Amount(place.name, files, rows, size)


def _rows(path: Path) -> int:
    if path.suffix != ".parquet" or path.is_symlink():
        return 0
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0  # half a file is erased like a whole one


def remove(paths: Iterable[Path]) -> None:
    """Erase files and folders; of a link, the link. What is gone already is no error."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
