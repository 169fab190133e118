"""What goes wrong in the middle of a training: memory, and losses that are no numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor, nn

from workbench.errors import ModelError
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.devices import enough_memory
from workbench.learning.encoding import TableEncoder
from workbench.learning.loop import NotFinite, TrainingLoop
from workbench.learning.networks import TabMSpec, build
from workbench.learning.networks.model import NetworkModel
from workbench.learning.tensors import TensorTable

SPEC = TabMSpec(members=2, width=8, bins=4, embedding=2)
CPU = torch.device("cpu")


class Cramped(nn.Module):
    """A network on a device that holds so many rows and no more."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most = network, most
        self.largest = 0

    def forward(self, *batch: Tensor) -> Tensor:
        if len(batch[0]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.largest = max(self.largest, len(batch[0]))
        outputs: Tensor = self.network(*batch)
        return outputs


@pytest.fixture
def loop_with(make_table: Callable, make_columns: Callable) -> Callable[[int], TrainingLoop]:
    """``loop_with(most)``: a training whose network takes so many rows at once."""

    def make(most: int) -> TrainingLoop:
        columns = make_columns("binary")
        train, validation = make_table("binary", 1000, 1), make_table("binary", 300, 2)
        encoder = TableEncoder.fit(train, columns)
        config = TrainConfig(epochs=3, batch_size=256, learning_rate=6e-3, averaging=0.9, network=SPEC)
        torch.manual_seed(0)
        model = NetworkModel(columns, encoder, config, Cramped(build(SPEC, encoder.inputs), most))
        tables = (TensorTable.of(table, encoder, columns, CPU) for table in (train, validation))
        return TrainingLoop(model, *tables, clock=lambda: 0.0, began=0.0)

    return make


def test_a_batch_that_memory_does_not_hold_is_halved_until_it_does_and_that_is_said(
    loop_with: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    loop = loop_with(70)
    loop.run(lambda _: None)
    assert [re.sub(".*batch", "batch", record.message) for record in caplog.records] == [
        "batch of 250 rows: going on with 125",
        "batch of 125 rows: going on with 62",
    ]
    assert loop.model.config.batch_size == 62
    assert len(loop.history) == 3
    assert loop.history[-1].value > 0.8
    assert isinstance(loop.network, Cramped)
    assert loop.network.largest <= 70


def test_every_row_is_still_learned_from_once_an_epoch(loop_with: Callable) -> None:
    loop, seen = loop_with(70), []
    batch = loop.train.batch
    object.__setattr__(loop, "train", _Watched(loop.train, seen, batch))
    loop._learn()
    learned = [index for index in seen if len(index) <= 70]
    assert torch.equal(torch.cat(learned).sort().values, torch.arange(1000))


class _Watched:
    """A table that notes which rows are asked for."""

    def __init__(self, table: TensorTable, seen: list[Tensor], batch: Callable) -> None:
        self.table, self.seen, self._batch = table, seen, batch
        self.device, self.target = table.device, table.target

    def __len__(self) -> int:
        return len(self.table)

    def parts(self, epoch: int) -> Generator[_Watched]:
        yield self

    def batch(self, index: Tensor) -> object:
        self.seen.append(index)
        return self._batch(index)


def test_memory_that_does_not_hold_one_row_is_an_error(loop_with: Callable) -> None:
    with pytest.raises(ModelError, match="memory does not hold the table and a batch"), enough_memory(256):
        loop_with(0).run(lambda _: None)


def test_the_rows_that_are_kept_are_those_of_the_batch(quick: TrainConfig, poisoned: pa.Table) -> None:
    """Only row 123 has no loss; the batches before its own are learned from, and so are those after it."""
    columns = Columns("regression", "y", ("a",), ())
    encoder = TableEncoder.fit(poisoned.slice(0, 100), columns)
    train = TensorTable.of(poisoned, encoder, columns, CPU)
    model = NetworkModel(columns, encoder, replace(quick, batch_size=50, network=SPEC), build(SPEC, encoder.inputs))
    torch.manual_seed(3)
    place = int((torch.randperm(600) == 123).nonzero())
    assert place > 50, "in the first batch there is nothing to tell apart"
    torch.manual_seed(3)
    with pytest.raises(NotFinite) as error:
        TrainingLoop(model, train, train, clock=lambda: 0.0, began=0.0)._learn()
    assert error.value.rows is not None
    assert 123 in error.value.rows.tolist()
    assert len(error.value.rows) == 50


@pytest.fixture
def poisoned() -> pa.Table:
    """Rows of which one has a target that float32 squares to infinity."""
    random = np.random.default_rng(0)
    y = random.normal(size=600)
    y[123] = 1e300
    return pa.table({"id": np.arange(600), "a": random.normal(size=600), "y": y})


@pytest.mark.parametrize("kept", [True, False])
def test_a_loss_that_is_not_a_number_leaves_its_batch_on_disk(
    kept: bool, make_table: Callable, make_columns: Callable, quick: TrainConfig, tmp_path: Path
) -> None:
    train, columns = make_table("regression", 300, 1), make_columns("regression")
    with pytest.raises(ModelError, match=r"the training loss became (nan|inf) with a learning rate of 1e\+30") as error:
        fit(
            train,
            train,
            columns,
            replace(quick, learning_rate=1e30),
            folder=tmp_path / "work" if kept else None,
        )
    found = re.search(r"the batch is in (\S+\.parquet)", str(error.value))
    assert found
    batch = pq.read_table(found[1])
    assert batch.column_names == [*columns.features, "y"]
    assert batch.num_rows == 30
    assert set(batch["slope"].to_pylist()) <= set(train["slope"].to_pylist())
    assert (Path(found[1]).parent == tmp_path / "work") == kept


def test_a_validation_loss_that_is_not_a_number_is_said_to_be_one(quick: TrainConfig, poisoned: pa.Table) -> None:
    columns = Columns("regression", "y", ("a",), ())
    clean = poisoned.filter(pa.compute.less(poisoned["y"], 1e10))
    with pytest.raises(ModelError, match="the validation loss became inf"):
        fit(clean, poisoned, columns, quick)
