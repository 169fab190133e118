"""Encoded rows that lie on the device a part at a time; a thread reads the next part while one is learned from."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench.errors import DataError
from workbench.learning.encoding.target import labels
from workbench.learning.streaming.slots import Filler, Matrices, Slot

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from torch import nn

    from workbench.learning.columns import Columns
    from workbench.learning.encoding import TableEncoder, TargetCoder
    from workbench.learning.streaming.room import Room
    from workbench.learning.streaming.rows import ParquetRows
    from workbench.learning.tensors import TensorTable

__all__ = ["StreamedTable"]

ENCODERS = max(1, min(8, (os.cpu_count() or 1) // 2))
"""Threads that encode batches; half of the cores are left to whatever trains, or starts the kernels of a GPU."""


class StreamedTable:
    """Rows of a file as the trainer reads them. It has a thread while it is read from, until :meth:`close`.

    Args:
        rows: which.
        encoder: fitted.
        columns: target and features.
        labels: the target of all rows, as metrics take it.
        room: how large a part may be.
        device: where parts lie.
        seed: shuffles the row groups, for each epoch anew; None: the order of the file, always.
        ahead: whether the next epoch is begun as soon as this one has been read, while its rows are learned from.
    """

    def __init__(
        self,
        rows: ParquetRows,
        encoder: TableEncoder,
        columns: Columns,
        labels: npt.NDArray[Any],
        *,
        room: Room,
        device: torch.device,
        seed: int | None = None,
        ahead: bool = False,
    ) -> None:
        self.rows, self.encoder, self.columns, self.labels = rows, encoder, columns, labels
        self.room, self.device, self.seed, self.ahead = room, device, seed, ahead
        self._loader: _Loader | None = None

    def __len__(self) -> int:
        return self.rows.num_rows

    @property
    def sizes(self) -> list[int]:
        """The rows of each part of an epoch; they differ by one at most."""
        total = len(self)
        count = -(-total // self.room.rows)
        return [end - begin for begin, end in pairwise(total * at // count for at in range(count + 1))]

    def parts(self, epoch: int) -> Generator[TensorTable]:
        """An epoch's rows, a part after the other; a part is gone when the next one is asked for.

        Row groups come in an order that follows from seed and epoch alone; with one part, in that of the file.

        Args:
            epoch: from 0.

        Raises:
            DataError: the file is damaged, or is not what it was.
        """
        if self._loader is None or self._loader.epoch != epoch:
            self.close()
            self._loader = _Loader(self, epoch)
        whole = False
        try:
            yield from self._loader.parts()
            whole = True
        finally:
            if not (whole and self.ahead):  # nothing more to read, or given up in the middle, or an error
                self.close()

    def order(self, epoch: int) -> list[int]:
        """The row groups of an epoch."""
        groups = self.rows.groups
        if self.seed is None or len(self.sizes) == 1:
            return list(range(groups))
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
        return torch.randperm(groups, generator=generator).tolist()

    def encoded(self, table: pa.Table) -> Matrices:
        """Some rows as matrices."""
        found = self.encoder.features(table)
        return found.numeric, found.flags, found.codes, self.encoder.target.encode(labels(table, self.columns))

    def judged(self, network: nn.Module, coder: TargetCoder) -> tuple[float, npt.NDArray[np.float64]]:
        """See :meth:`workbench.learning.tensors.TensorTable.judged`."""
        total, found = 0.0, []
        for part in self.parts(0):
            loss, predicted = part.judged(network, coder)
            total += loss * len(part)
            found.append(predicted)
        return total / len(self), np.concatenate(found)

    def identity(self) -> Iterator[bytes]:
        """See :meth:`workbench.learning.tensors.TensorTable.identity`."""
        yield self.rows.digest().encode()

    def close(self) -> None:
        """Let go of thread and memory."""
        if self._loader is not None:
            self._loader.close()
            self._loader = None


class _Closed(Exception):
    """Nobody wants any more parts."""


class _Loader:
    """A thread that fills places with the parts of one epoch after the other, as soon as a place is free.

    Attributes:
        epoch: whose parts are given out next.
    """

    def __init__(self, table: StreamedTable, epoch: int) -> None:
        self.table, self.epoch, self.closed = table, epoch, False
        encoder = table.encoder
        self.kind = torch.from_numpy(encoder.target.encode(table.labels[:1])).dtype
        self.free: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()
        self.full: queue.SimpleQueue[Slot | BaseException] = queue.SimpleQueue()
        for _ in range(2):
            self.free.put(Slot.of(encoder.inputs, max(table.sizes), self.kind, table.device))
        self.thread = threading.Thread(target=self._run, name="workbench-streaming", daemon=True)
        self.thread.start()

    def parts(self) -> Iterator[TensorTable]:
        for _ in self.table.sizes:
            slot = self.full.get()
            if isinstance(slot, BaseException):
                raise slot
            yield slot.table()
            slot.release()
            self.free.put(slot)
        self.epoch += 1

    def close(self) -> None:
        self.closed = True
        self.free.put(None)
        self.thread.join()

    def _run(self) -> None:
        table, epoch = self.table, self.epoch
        try:
            filler = Filler.of(table.encoder.inputs, table.room.batch, self.kind, table.device)
            with closing(filler), ThreadPoolExecutor(ENCODERS) as pool:
                self._fill(filler, pool, epoch)
                while table.ahead:
                    epoch += 1
                    self._fill(filler, pool, epoch)
        except _Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again where the parts are read
            self.full.put(error)

    def _fill(self, filler: Filler, pool: ThreadPoolExecutor, epoch: int) -> None:
        """One epoch."""
        sizes = iter(self.table.sizes)
        slot, size = None, next(sizes, 0)
        for places, rows in self._encoded(pool, epoch):
            begin, end = 0, len(places)
            while begin < end:
                if slot is None:
                    slot = self._free_slot()
                    filler.begin(slot)
                until = min(begin + size - slot.rows, end)
                if until == begin:
                    raise self._changed()
                filler.write(slot, tuple(part[begin:until] for part in rows), places[begin:until])
                begin = until
                if slot.rows == size:
                    filler.end(slot)
                    self.full.put(slot)
                    slot, size = None, next(sizes, 0)
        if slot is not None or size:
            raise self._changed()

    def _encoded(self, pool: ThreadPoolExecutor, epoch: int) -> Iterator[tuple[npt.NDArray[np.int64], Matrices]]:
        """Batches in their order, with the places of their rows; some are encoded ahead."""
        table = self.table
        ahead: deque[Any] = deque()
        order = table.order(epoch)
        at_once = 1 if len(table.sizes) == 1 or table.seed is None else table.room.at_once
        for begin, batch in table.rows.by_turns(order, at_once, table.room.batch):
            if self.closed:
                raise _Closed
            ahead.append((np.arange(begin, begin + batch.num_rows), pool.submit(table.encoded, batch)))
            if len(ahead) > ENCODERS:
                places, waiting = ahead.popleft()
                yield places, waiting.result()
        for places, waiting in ahead:
            yield places, waiting.result()

    def _free_slot(self) -> Slot:
        slot = self.free.get()
        if slot is None or self.closed:
            raise _Closed
        return slot

    def _changed(self) -> DataError:
        return DataError(
            "has other rows than when the training began",
            where=str(self.table.rows.path),
            hint="let no other run write the features while this one trains, and start it again",
        )
