"""Two places on the device for encoded rows: one is learned from while the other is filled.

On CUDA, rows go through two pinned pieces of this machine's memory, and are copied on a stream of their own, so that
the training's stream does not wait for them: while one piece is on its way, the other is written. On a CPU a place is
written directly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from workbench.learning.tensors import TensorTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.learning.encoding import Inputs

__all__ = ["Filler", "Matrices", "Slot"]

Matrices = tuple["npt.NDArray[Any]", ...]
"""Scores, flags, codes and target of some rows."""


@dataclass
class Slot:
    """One place.

    Attributes:
        parts: scores, flags, codes and target, as many rows as there is room for.
        ready: recorded when the rows are there.
        places: of each row, its place in the order of the file.
        rows: that are there.
        used: recorded when nobody reads them any more.
    """

    parts: tuple[Tensor, ...]
    places: npt.NDArray[np.int64]
    rows: int = 0
    ready: Any = None
    used: Any = None

    @classmethod
    def of(cls, inputs: Inputs, rows: int, target: torch.dtype, device: torch.device, *, pinned: bool = False) -> Slot:
        """Room for so many rows."""
        widths = (
            (len(inputs.edges), torch.float32),
            (inputs.flags, torch.float32),
            (len(inputs.cardinalities), torch.int32),
        )
        parts = [torch.empty((rows, wide), dtype=kind, device=device, pin_memory=pinned) for wide, kind in widths]
        parts.append(torch.empty(rows, dtype=target, device=device, pin_memory=pinned))
        slot = cls(tuple(parts), np.empty(rows, np.int64))
        if device.type == "cuda":
            slot.release()  # its memory may have been another tensor's, which is still read
        return slot

    def table(self) -> TensorTable:
        """The rows that are there, once they are; its labels are not known."""
        if self.ready is not None:
            torch.cuda.current_stream().wait_event(self.ready)
        numeric, flags, codes, target = (part[: self.rows] for part in self.parts)
        return TensorTable((numeric, flags, codes), target, np.empty(0), self.places[: self.rows])

    def release(self) -> None:
        """What was started on these rows is all that ever will be."""
        if self.parts[0].is_cuda:
            self.used = _event()
            self.used.record()


@dataclass
class Filler:
    """Writes rows into places; made and used by one thread.

    Args:
        pieces: two pieces of pinned memory; none on a CPU.
        stream: what copies from them; None on a CPU.
    """

    pieces: list[Slot] = field(default_factory=list)
    stream: Any = None

    @classmethod
    def of(cls, inputs: Inputs, rows: int, target: torch.dtype, device: torch.device) -> Filler:
        """With room for ``rows`` rows that are on their way."""
        if device.type != "cuda":
            return cls()
        torch.cuda.set_device(device)
        pieces = [Slot.of(inputs, rows, target, torch.device("cpu"), pinned=True) for _ in range(2)]
        return cls(pieces, torch.cuda.Stream(device))  # type: ignore[no-untyped-call]

    def begin(self, slot: Slot) -> None:
        """Before the first rows of a place: wait, on the device, until nobody reads what was there."""
        slot.rows = 0
        if self.stream is not None and slot.used is not None:
            self.stream.wait_event(slot.used)

    def write(self, slot: Slot, rows: Matrices, places: npt.NDArray[np.int64]) -> None:
        """Rows, and their places in the file, after those that are there."""
        begin, end = slot.rows, slot.rows + len(places)
        slot.rows = end
        slot.places[begin:end] = places
        if self.stream is None:
            for place, values in zip(slot.parts, rows, strict=True):
                # numpy: torch would start threads of its own for this one.
                np.copyto(place.numpy()[begin:end], values)
            return
        piece = self.pieces[0]
        self.pieces.reverse()
        if piece.ready is not None:
            piece.ready.synchronize()
        with torch.cuda.stream(self.stream):
            for place, between, values in zip(slot.parts, piece.parts, rows, strict=True):
                np.copyto(between.numpy()[: end - begin], values)
                place[begin:end].copy_(between[: end - begin], non_blocking=True)
            piece.ready = _event()
            piece.ready.record(self.stream)

    def end(self, slot: Slot) -> None:
        """After the last rows."""
        if self.stream is not None:
            slot.ready = _event()
            slot.ready.record(self.stream)

    def close(self) -> None:
        """No copy is on its way any more: the places may become another tensor's memory."""
        if self.stream is not None:
            self.stream.synchronize()


def _event() -> Any:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]
