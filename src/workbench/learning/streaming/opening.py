"""From rows of a file to what a training loop reads."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.learning.streaming.reading import labels_of
from workbench.learning.streaming.room import Room, settled_room
from workbench.learning.streaming.rows import ParquetRows, TableRows
from workbench.learning.streaming.survey import survey
from workbench.learning.streaming.table import StreamedTable
from workbench.learning.tensors import TensorTable

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from workbench.learning.checkpoint import Learned
    from workbench.learning.columns import Columns
    from workbench.learning.config import TrainConfig
    from workbench.learning.together import Crew

__all__ = ["judged_rows", "learned_rows"]

logger = logging.getLogger(__name__)


def learned_rows(
    train: ParquetRows, columns: Columns, config: TrainConfig, device: torch.device, *, folder: Path | None, crew: Crew
) -> StreamedTable:
    """Training rows as a stream, after a pass over them; all processes cut them into the same parts."""
    room = settled_room(train, columns, config.memory_bytes, device, folder)
    room = Room(*crew.least(list(room.to_dict().values())))
    found = survey(train, columns, room, config.seed)
    stream = StreamedTable(train, found.encoder, columns, found.labels, room=room, device=device, seed=config.seed)
    logger.info(
        "the table is streamed: %s training rows in %d parts, quantiles of numbers from %s of them",
        f"{len(stream):,}",
        len(stream.sizes),
        f"{found.sample.num_rows:,}",
    )
    return stream


def judged_rows(validation: TableRows, stream: StreamedTable) -> Learned:
    """Validation rows: on the device if they fit beside the parts of the training rows, else as a stream too.

    Of two streams one is read at a time; of one alone, the next epoch is read while validation rows are judged.
    """
    encoder, columns, device, room = stream.encoder, stream.columns, stream.device, stream.room
    stream.ahead = True
    if not isinstance(validation, ParquetRows):
        return TensorTable.of(validation, encoder, columns, device)
    if room.for_validation(validation.num_rows, encoder.inputs):
        batches = validation.batches(room.batch)
        return TensorTable.joined([TensorTable.of(batch, encoder, columns, device) for batch in batches])
    stream.ahead = False
    smaller = replace(room, rows=max(room.rows // 4, 32))
    return StreamedTable(validation, encoder, columns, labels_of(validation, columns), room=smaller, device=device)
