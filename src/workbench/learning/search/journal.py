"""Where a study lies: Optuna's own journal, one JSON record a line, each flushed to the device.

Who writes it holds the client, so that there is nobody to lock out: Optuna's lock file of a process that was killed
would hold up the next one. A line that was being written when it was killed is cut off.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.learning.config import SETTINGS, TrainConfig
from workbench.learning.streaming import ParquetRows, TableRows

if TYPE_CHECKING:
    from optuna.storages.journal import JournalStorage

    from workbench.learning.columns import Columns
    from workbench.learning.networks import TabMSpec

__all__ = ["identity_of", "journal"]


def journal(path: Path) -> JournalStorage:
    """The study's storage, whole lines only."""
    from optuna.storages.journal import JournalFileBackend, JournalStorage
    from optuna.storages.journal._file import BaseJournalFileLock

    class Alone(BaseJournalFileLock):
        """There is no other writer."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _cut_off_half_a_line(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=Alone()))


def _cut_off_half_a_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as stream:
            stream.truncate(whole)


def identity_of(train: TableRows, validation: TableRows, columns: Columns, config: TrainConfig, spec: TabMSpec) -> str:
    """A sha256 over settings and every row: a study of other rows is another study."""
    import pyarrow as pa

    settings = {name: getattr(config, name) for name in SETTINGS}
    digest = hashlib.sha256(json.dumps([settings, spec.to_dict(), columns.to_dict()], sort_keys=True).encode())

    class Sink:
        closed = False

        def write(self, content: bytes) -> int:
            digest.update(content)
            return len(content)

        def flush(self) -> None:
            pass

        def close(self) -> None:
            pass

    for table in (train, validation):
        if isinstance(table, ParquetRows):
            digest.update(table.digest().encode())
            continue
        part = table.select([*columns.features, columns.target])
        with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), part.schema) as stream:
            stream.write_table(part.combine_chunks())
    return digest.hexdigest()
