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
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.files import durable_file
from workbench.learning.checkpoint import Checkpoint, fingerprint
from workbench.learning.config import EpochReport, TrainConfig, batch_size_for
from workbench.learning.networks import default_spec
from workbench.learning.networks.model import NetworkModel

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

    from workbench.learning.columns import Columns
    from workbench.learning.encoding import TableEncoder
    from workbench.learning.loop import NotFinite, TrainingLoop
    from workbench.learning.tensors import TensorTable

__all__ = ["calibrate", "explained", "fit", "settled"]

CHECKPOINT, BAD_BATCH = "checkpoint", "not_finite.parquet"


def fit(
    train: pa.Table,
    validation: pa.Table,
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
        train: the rows that encoders and weights are fitted on.
        validation: the rows that decide when to stop, and that calibrate.
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
    """
    from workbench.learning.devices import enough_memory, pick_device, seeded
    from workbench.learning.loop import NotFinite, TrainingLoop
    from workbench.learning.networks import build
    from workbench.learning.tensors import TensorTable
    from workbench.learning.together import crew

    began = clock()
    config = config or TrainConfig()
    device = pick_device(config.device)
    encoder, config = settled(train, validation, columns, config, device)
    config = replace(config, budget_seconds=config.budget_seconds - spent)
    assert config.network is not None  # noqa: S101 - it was settled
    with enough_memory(config.batch_size), crew(device, config.batch_size) as others, seeded(config.seed, device):
        learned = TensorTable.of(train, encoder, columns, device)
        judged = TensorTable.of(validation, encoder, columns, device)
        model = NetworkModel(columns, encoder, config, build(config.network, encoder.inputs).to(device))
        loop = TrainingLoop(model, learned, judged, clock, began, crew=others)
        try:
            _run(loop, on_epoch or (lambda _: None), folder)
        except NotFinite as error:
            raise explained(error, train.select([*columns.features, columns.target]), config, folder) from error
        model.network.eval()
        calibrate(model, judged)
        if folder and others.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
    return model


def settled(
    train: pa.Table, validation: pa.Table, columns: Columns, config: TrainConfig, device: torch.device
) -> tuple[TableEncoder, TrainConfig]:
    """What follows from the tables before anything is drawn: encoders, and the network and batch that are used.

    Raises:
        ModelError: a column or the target is not what it should be, or there is no row.
    """
    from workbench.learning.encoding import TableEncoder

    if not validation.num_rows:
        raise ModelError("there is no validation row", hint="look at the split in client.yml, and at the recipe")
    encoder = TableEncoder.fit(train, columns)
    spec = config.network or default_spec(train.num_rows, encoder.inputs.columns, device.type, config.budget_seconds)
    return encoder, replace(config, batch_size=batch_size_for(train.num_rows, config.batch_size), network=spec)


def calibrate(model: NetworkModel, judged: TensorTable) -> None:
    """By the validation rows as they lie on the device, encoded."""
    from workbench.learning.objectives import predictions

    predicted = predictions(model.encoder.target, judged.outputs(model.network)).cpu().numpy()
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


def explained(error: NotFinite, train: pa.Table, config: TrainConfig, folder: Path | None) -> ModelError:
    """The error that a person reads; the batch is written first, as the rows that it was made of."""
    import pyarrow.parquet as pq

    which, where = "validation", ""
    if error.rows is not None:
        kept = folder or Path(tempfile.mkdtemp(prefix="workbench-training-"))
        with durable_file(kept / BAD_BATCH) as path:
            pq.write_table(train.take(error.rows.numpy()), path)
        which, where = "training", f"; the batch is in {kept / BAD_BATCH}"
    return ModelError(
        f"the {which} loss became {error.value} with a learning rate of {config.learning_rate:g}{where}",
        hint="set train.learning_rate ten times lower, and look for extreme values in the target",
    )
