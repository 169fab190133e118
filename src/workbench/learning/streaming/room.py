"""How much memory there is, whether a table fits into it, and how it is divided where it does not."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.files import durable_file

if TYPE_CHECKING:
    import torch

    from workbench.learning.columns import Columns
    from workbench.learning.encoding import Inputs
    from workbench.learning.streaming.rows import ParquetRows

__all__ = ["Room", "available_memory", "encoded_bytes", "fits", "limits", "settled_room"]

ROOM = "room.json"

HOST_SHARE, DEVICE_SHARE = 0.6, 0.8
"""Of the free memory, what a table may take."""

COPIES = 3
"""A table in memory, as much again for the matrix that boosted trees or a network read, and as much for what passes."""

MIXED = 8
"""Row groups that are read by turns, if memory holds so many open ones."""

PARTS = 6
"""Of the memory, each of the two places for rows has a sixth; the validation rows, if they fit, another."""

READING = 2.5
"""Times its pages that an open row group takes: compressed, decompressed, and as columns. As measured."""


def available_memory() -> int:
    """Bytes of this machine that a process can still take; of a container, those of its limit that are left."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass  # no Linux: what the machine has
    group = Path("/sys/fs/cgroup")
    for most, used in (
        (group / "memory.max", group / "memory.current"),
        (group / "memory/memory.limit_in_bytes", group / "memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(most.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue  # no such version of control groups, or no limit
    return max(free, 0)


def limits(memory_bytes: int | None, device: torch.device) -> tuple[int, int]:
    """Bytes that a table may take in this machine's memory, and in the device's."""
    import torch

    if memory_bytes is not None:
        return memory_bytes, memory_bytes
    host = int(HOST_SHARE * available_memory())
    if device.type != "cuda":
        return host, host
    return host, int(DEVICE_SHARE * torch.cuda.mem_get_info(device)[0])


def encoded_bytes(columns: Columns) -> int:
    """Of a row as tensors, at most: a score and a flag a number, a code a category, and the target."""
    return 8 * len(columns.numeric) + 4 * len(columns.categorical) + 8


def fits(parts: Sequence[ParquetRows], columns: Columns, memory_bytes: int | None, device: torch.device) -> bool:
    """Whether a training may load the rows: measured by the size of some of them, before any other is read."""
    host, on_device = limits(memory_bytes, device)
    heaviest = max(part.bytes_a_row for part in parts)

    def takes(rows: int) -> bool:
        return rows * heaviest * COPIES <= host and rows * encoded_bytes(columns) <= on_device

    # The footer tells of all rows of the file; only if those are too many are the wanted ones counted.
    return takes(max(part.rows_of_file for part in parts)) or takes(sum(part.num_rows for part in parts))


@dataclass(frozen=True)
class Room:
    """How the memory is divided. It decides on the order of the rows, and so it is in a checkpoint.

    Attributes:
        rows: of a part, at most: two of them lie on the device.
        batch: rows that are read and encoded at once.
        at_once: row groups that are open at once.
        sample: rows of the training that what cannot learn from a stream is given, at most.
        resident: bytes that the validation rows may take, to stay on the device.
    """

    rows: int
    batch: int
    at_once: int
    sample: int
    resident: int

    @classmethod
    def of(cls, rows: ParquetRows, columns: Columns, memory_bytes: int | None, device: torch.device) -> Room:
        """Divide what there is; counts are powers of two, so that a little more or less free memory changes nothing.

        Raises:
            ModelError: not even a few rows have room.
        """
        host, on_device = limits(memory_bytes, device)
        raw, encoded = rows.bytes_a_row, encoded_bytes(columns)
        smallest = min(host, on_device)
        part = _power_of_two((on_device if device.type == "cuda" else smallest) / PARTS / encoded)
        batch = _power_of_two(min(host / 64 / raw, 1 << 16))
        if part < 32 or batch < 16:
            raise ModelError(
                f"{smallest:,} bytes of memory do not hold two parts of a table whose rows take {raw:,.0f} bytes",
                hint="set train.memory_mb higher, or free memory of other processes",
            )
        return cls(
            rows=part,
            batch=min(batch, part),
            at_once=max(1, min(MIXED, int(host / 8 / READING / max(rows.bytes_of_open_group, 1)))),
            sample=_power_of_two(host / 10 / raw),
            resident=smallest // PARTS,
        )

    def for_validation(self, rows: int, inputs: Inputs) -> bool:
        """Whether so many rows stay on the device."""
        wide = 4 * (len(inputs.edges) + inputs.flags + len(inputs.cardinalities)) + 16
        return rows * wide <= self.resident

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def settled_room(
    rows: ParquetRows, columns: Columns, memory_bytes: int | None, device: torch.device, folder: Path | None
) -> Room:
    """The room of a training; of one that goes on, what it was, however much memory is free now.

    Args:
        rows: of the training.
        columns: target and features.
        memory_bytes: as in :class:`~workbench.learning.TrainConfig`.
        device: where parts lie.
        folder: the training's own; None: it is known to nobody but these rows.
    """
    asked = [rows.rows_of_file, rows.path.stat().st_size, columns.to_dict(), memory_bytes, device.type]
    told = json.dumps(asked, sort_keys=True)
    room = rows.surveys.get(told) or (_noted(folder / ROOM, told) if folder else None)
    if room is None:
        room = Room.of(rows, columns, memory_bytes, device)
        if folder:
            with durable_file(folder / ROOM) as path:
                path.write_text(json.dumps({"asked": told, "room": room.to_dict()}), encoding="utf-8")
    rows.surveys[told] = room
    return room


def _noted(path: Path, asked: str) -> Room | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Room(**found["room"]) if found["asked"] == asked else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _power_of_two(number: float) -> int:
    """The largest that is not larger; 0 if there is none."""
    return 1 << (int(number).bit_length() - 1) if number >= 1 else 0
