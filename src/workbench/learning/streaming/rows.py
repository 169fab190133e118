"""Some rows of a Parquet file, read when they are asked for."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError
from workbench.learning.frames import refuse_missing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyarrow.parquet as pq

    TableRows = pa.Table | "ParquetRows"
else:
    TableRows = Any

__all__ = ["ParquetRows", "TableRows"]

PROBED = 1024
"""Rows from whose size in memory that of all is told."""

READ_AHEAD = (16 << 10, 1 << 20)
"""Bytes of a column that are read from the file at once, at least and at most."""


class ParquetRows:
    """The rows of a Parquet file of which one column has a value; nothing is read before it is asked for.

    The file must not change while this is used: rows that come or go are noticed, others are not.

    Args:
        path: the file.
        names: the columns that are read.
        where: a text column and its value; None: all rows.
        read_ahead: bytes that may be read ahead, for all columns together.

    Raises:
        DataError: there is no such file, it is no Parquet file, or it lacks a column.
    """

    def __init__(
        self, path: Path, names: Sequence[str], where: tuple[str, str] | None = None, *, read_ahead: int = 64 << 20
    ) -> None:
        self.path, self.names, self.where = path, tuple(dict.fromkeys(names)), where
        self._read_ahead = read_ahead
        per_column = read_ahead // max(len(self.names), 1)
        self._buffer = min(max(per_column, READ_AHEAD[0]), READ_AHEAD[1])
        wanted = [*self.names, *([where[0]] if where else [])]
        refuse_missing(wanted, self._file.schema_arrow.names)
        self.surveys: dict[object, Any] = {}  # what was found out in a pass over the rows, by what was asked

    @cached_property
    def _file(self) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        with self._explained("its footer"):
            # Buffered: else the whole chunk of each column of a row group is held as it lies in the file.
            return pq.ParquetFile(self.path, buffer_size=self._buffer, pre_buffer=False)

    @property
    def groups(self) -> int:
        """Row groups of the file."""
        return int(self._file.num_row_groups)

    @cached_property
    def counts(self) -> list[int]:
        """The rows of each row group that are among these; the column that says so is read once."""
        if self.where is None:
            return [self._file.metadata.row_group(group).num_rows for group in range(self.groups)]
        return [sum(part.num_rows for part in self._filtered(group, 1 << 16, ())) for group in range(self.groups)]

    @property
    def num_rows(self) -> int:
        """How many there are, as an Arrow table says it."""
        return sum(self.counts)

    @property
    def rows_of_file(self) -> int:
        """Rows of the whole file, which its footer knows."""
        return int(self._file.metadata.num_rows)

    @cached_property
    def bytes_a_row(self) -> float:
        """In memory, as Arrow; of the first rows of the file, whichever they are."""
        for group in range(self.groups):
            with self._explained(f"row group {group + 1} of {self.groups}"):
                for batch in self._file.iter_batches(PROBED, row_groups=[group], columns=list(self.names)):
                    if batch.num_rows:
                        return max(float(batch.nbytes) / int(batch.num_rows), 1.0)
        return 1.0

    @property
    def batch_rows(self) -> int:
        """Rows that are read at once where nobody says how many: about as many bytes as may be read ahead."""
        return max(32, min(1 << 16, int(self._read_ahead / self.bytes_a_row)))

    @cached_property
    def bytes_of_open_group(self) -> int:
        """What a row group takes while it is read: a page of each column, of a megabyte, or all of a small group."""
        metadata = self._file.metadata
        largest = max((metadata.row_group(group).total_byte_size for group in range(self.groups)), default=0)
        return int(min(largest, len(self.names) * ((1 << 20) + self._buffer)))

    def batches(self, rows: int, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All of them in the order of the file, as tables of ``rows`` rows at most; of ``names``, if given.

        Raises:
            DataError: the file is damaged.
        """
        for group, count in enumerate(self.counts):
            if count:
                yield from self._filtered(group, rows, self.names if names is None else names)

    def by_turns(self, order: Sequence[int], at_once: int, rows: int) -> Iterator[tuple[int, pa.Table]]:
        """Row groups in a given order, several open at once: a batch of each in turn, after the place of its first row.

        Args:
            order: the row groups.
            at_once: how many are open.
            rows: a batch's, at most.

        Raises:
            DataError: the file is damaged.
        """
        begins = list(accumulate(self.counts, initial=0))
        waiting = deque(group for group in order if self.counts[group])
        opened: deque[tuple[int, Iterator[pa.Table]]] = deque()
        while waiting or opened:
            while waiting and len(opened) < at_once:
                group = waiting.popleft()
                opened.append((begins[group], self._filtered(group, rows, self.names)))
            begin, batches = opened.popleft()
            batch = next(batches, None)
            if batch is not None:
                opened.append((begin + batch.num_rows, batches))
                yield begin, batch

    def table(self, names: Sequence[str] | None = None) -> pa.Table:
        """All of them in memory."""
        import pyarrow as pa

        wanted = list(self.names if names is None else names)
        return pa.concat_tables([self._none(wanted), *self.batches(self.batch_rows, wanted)])

    def take(self, places: npt.NDArray[np.int64]) -> pa.Table:
        """Some of them, by their places among them; the answer is in the order of the file."""
        import numpy as np
        import pyarrow as pa

        wanted, found = np.unique(places), [self._none(self.names)]
        ends = list(accumulate(self.counts))
        for group, (count, end) in enumerate(zip(self.counts, ends, strict=True)):
            begin = end - count
            if not ((wanted >= begin) & (wanted < end)).any():
                continue
            for part in self._filtered(group, self.batch_rows, self.names):
                own = wanted[(wanted >= begin) & (wanted < begin + part.num_rows)]
                found.append(part.take(own - begin))
                begin += part.num_rows
        return pa.concat_tables(found)

    def digest(self) -> str:
        """A sha256 over every byte of the file, and over which of its rows these are."""
        with self._explained("a part"), self.path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        return hashlib.sha256(repr((content, self.names, self.where)).encode()).hexdigest()

    def _none(self, names: Sequence[str]) -> pa.Table:
        """The columns without a row."""
        import pyarrow as pa

        return pa.schema([self._file.schema_arrow.field(name) for name in names]).empty_table()

    def _filtered(self, group: int, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
        """The wanted rows of one row group."""
        import pyarrow as pa
        import pyarrow.compute as pc

        read = list(dict.fromkeys([*names, *([self.where[0]] if self.where else [])]))
        with self._explained(f"row group {group + 1} of {self.groups}"):
            batches = self._file.iter_batches(rows, row_groups=[group], columns=read)
        while True:
            with self._explained(f"row group {group + 1} of {self.groups}"):
                batch = next(batches, None)
            if batch is None:
                return
            table = pa.Table.from_batches([batch])
            if self.where:
                table = table.filter(pc.equal(table[self.where[0]].cast(pa.string()), self.where[1]))
            if table.num_rows:
                yield table.select(list(names)) if names else table

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Say in one sentence what of the file cannot be read."""
        import pyarrow as pa

        try:
            yield
        except (OSError, pa.ArrowException) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            raise DataError(
                f"{what} cannot be read ({lines[0][:200]})",
                where=str(self.path),
                hint="make it again with `kedro run --pipeline prepare`, or bring it back with `dvc checkout`",
            ) from error
