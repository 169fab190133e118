"""From two tables to a trained model, straight down: encode, build, train epoch by epoch, calibrate.

- AdamW (Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019) at a constant rate, gradients clipped:
  the recipe of TabM. What is validated and kept is a running mean of the weights (:mod:`workbench.learning.averaging`):
  it does what a decaying rate does, without knowing when training will end.
- The table lies on the device as tensors; a batch is gathered by index. Batches of an epoch differ by one row at most.
- The best epoch is that of the lowest validation loss; its weights are the result, whatever came later.
- With a folder to work in, each epoch leaves a checkpoint (:mod:`workbench.learning.checkpoint`), and the same call
  goes on from it after a crash: on a CPU, to the same bits.
- Started by ``torchrun``, its processes train one network together (:mod:`workbench.learning.together`).
- A batch that memory does not hold is halved, and the training goes on. A loss that is not a number ends it, and the
  batch is kept for a look.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.files import durable_file
from workbench.learning.checkpoint import Checkpoint, fingerprint
from workbench.learning.config import EpochReport, TrainConfig, batch_size_for
from workbench.learning.networks import TabMSpec, default_spec
from workbench.learning.networks.defaults import work
from workbench.learning.networks.model import NetworkModel
from workbench.learning.streaming import ParquetRows, TableRows
from workbench.learning.threads import SMALL_STEP, one_torch_thread
from workbench.scratch import private_path

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

    from workbench.learning.checkpoint import Learned
    from workbench.learning.columns import Columns
    from workbench.learning.encoding import TableEncoder
    from workbench.learning.loop import NotFinite, TrainingLoop

__all__ = ["calibrate", "explained", "fit", "settled"]

CHECKPOINT, BAD_BATCH = "checkpoint", "not_finite.parquet"


def fit(
    train: TableRows,
    validation: TableRows,
    columns: Columns,
    config: TrainConfig | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    *,
    folder: Path | None = None,
    spent: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> NetworkModel:
    """Train a network.

    Args:
        train: the rows that encoders and weights are fitted on: a table, or rows of a Parquet file, which are streamed
            from there in every epoch (:mod:`workbench.learning.streaming`).
        validation: the rows that decide when to stop, and that calibrate; likewise.
        columns: target and features; both tables have them, and may have more.
        config: how.
        on_epoch: told of each epoch, as it ends; not of those before a crash. Of several processes, the first is told.
        folder: where the training keeps its checkpoints, and a batch that has no loss; it is the training's own, and
            gone when that ends well. None: there are no checkpoints.
        spent: seconds of the budget that were used before the call; how large the network is hangs on all of it.
        clock: seconds; the budget is measured by it.

    Returns:
        The model of the best epoch, calibrated, on the device that it was trained on.

    Raises:
        ModelError: a column or the target is not what it should be, a loss is not a number, or memory ran out.
        DataError: a file that is streamed is damaged.
    """
    from workbench.learning.devices import enough_memory, pick_device, seeded
    from workbench.learning.loop import NotFinite, TrainingLoop
    from workbench.learning.networks import build
    from workbench.learning.streaming.opening import judged_rows, learned_rows
    from workbench.learning.tensors import TensorTable
    from workbench.learning.together import crew

    began = clock()
    config = config or TrainConfig()
    device = pick_device(config.device)
    batch_size = batch_size_for(train.num_rows, config.batch_size)
    with ExitStack() as held:
        held.enter_context(enough_memory(batch_size))
        others = held.enter_context(crew(device, batch_size))
        held.enter_context(seeded(config.seed, device))
        learned: Learned
        judged: Learned
        if isinstance(train, ParquetRows):
            _refuse_none(validation)
            learned = learned_rows(train, columns, config, device, folder=folder, crew=others)
            judged = judged_rows(validation, learned)
            encoder, config = learned.encoder, sized(train.num_rows, learned.encoder, config, device)
        else:
            encoder, config = settled(train, validation, columns, config, device)
            learned, judged = (TensorTable.of(table, encoder, columns, device) for table in (train, validation))
        held.callback(learned.close)
        held.callback(judged.close)
        config = replace(config, budget_seconds=config.budget_seconds - spent)
        assert config.network is not None  # noqa: S101 - it was settled
        held.enter_context(one_torch_thread(when=_is_small_step(config, encoder, device)))
        model = NetworkModel(columns, encoder, config, build(config.network, encoder.inputs).to(device))
        loop = TrainingLoop(model, learned, judged, clock, began, crew=others)
        try:
            _run(loop, on_epoch or (lambda _: None), folder)
        except NotFinite as error:
            raise explained(error, train, columns, config, folder) from error
        model.network.eval()
        calibrate(model, judged)
        if folder and others.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
    return model


def _is_small_step(config: TrainConfig, encoder: TableEncoder, device: torch.device) -> bool:
    """Whether a step has less to do than it takes to share it among threads; of TabM, whose work is known."""
    if device.type != "cpu" or not isinstance(config.network, TabMSpec):
        return False
    return work(config.network, encoder.inputs.columns, config.batch_size) < SMALL_STEP


def settled(
    train: pa.Table, validation: pa.Table, columns: Columns, config: TrainConfig, device: torch.device
) -> tuple[TableEncoder, TrainConfig]:
    """What follows from the tables before anything is drawn: encoders, and the network and batch that are used.

    Raises:
        ModelError: a column or the target is not what it should be, or there is no row.
    """
    from workbench.learning.encoding import TableEncoder

    _refuse_none(validation)
    encoder = TableEncoder.fit(train, columns)
    return encoder, sized(train.num_rows, encoder, config, device)


def sized(rows: int, encoder: TableEncoder, config: TrainConfig, device: torch.device) -> TrainConfig:
    """The network and the batch for so many training rows."""
    spec = config.network or default_spec(rows, encoder.inputs.columns, device.type, config.budget_seconds)
    return replace(config, batch_size=batch_size_for(rows, config.batch_size), network=spec)


def _refuse_none(validation: TableRows) -> None:
    if not validation.num_rows:
        raise ModelError("there is no validation row", hint="look at the split in client.yml, and at the recipe")


def calibrate(model: NetworkModel, judged: Learned) -> None:
    """By the validation rows, encoded."""
    _, predicted = judged.judged(model.network, model.encoder.target)
    model.calibrate(judged.labels, predicted)


def _run(loop: TrainingLoop, on_epoch: Callable[[EpochReport], None], folder: Path | None) -> None:
    """Train, from the checkpoint in the folder if there is one."""
    leads = loop.crew.rank == 0
    tell = on_epoch if leads else (lambda _: None)
    if folder is None:
        loop.run(tell)
        return
    identity = fingerprint(loop.model, loop.train, loop.validation)
    found = Checkpoint.load(folder / CHECKPOINT, identity)
    everywhere = loop.crew.all(found is not None)  # on several machines, the folder may be one machine's own
    if found and everywhere:
        loop.resume(found)
    loop.run(tell, (lambda checkpoint: checkpoint.save(folder / CHECKPOINT, identity)) if leads else None)


def explained(
    error: NotFinite, train: TableRows, columns: Columns, config: TrainConfig, folder: Path | None
) -> ModelError:
    """The error that a person reads; the batch is written first, as the rows that it was made of."""
    import pyarrow.parquet as pq

    from workbench.learning.streaming.reading import taken

    which, where = "validation", ""
    if error.rows is not None:
        kept = folder or private_path("training")
        with durable_file(kept / BAD_BATCH) as path:
            pq.write_table(taken(train, columns, error.rows.numpy()), path)
        which, where = "training", f"; the batch is in {kept / BAD_BATCH}"
    return ModelError(
        f"the {which} loss became {error.value} with a learning rate of {config.learning_rate:g}{where}",
        hint="set train.learning_rate ten times lower, and look for extreme values in the target",
    )
