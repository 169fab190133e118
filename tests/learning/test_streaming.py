"""Tables that memory does not hold: what is learned from their file is what would be learned in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from workbench.errors import DataError, ModelError
from workbench.learning import Columns, EpochReport, TabularModel, TrainConfig, fit
from workbench.learning.candidates import select
from workbench.learning.encoding import TableEncoder
from workbench.learning.loop import NotFinite, TrainingLoop
from workbench.learning.networks import TabMSpec, build
from workbench.learning.networks.model import NetworkModel
from workbench.learning.streaming import ParquetRows
from workbench.learning.streaming.opening import judged_rows, learned_rows
from workbench.learning.streaming.reading import predictions_of
from workbench.learning.streaming.room import Room, available_memory, fits
from workbench.learning.streaming.survey import survey
from workbench.learning.streaming.table import StreamedTable
from workbench.learning.together import Alone
from workbench.learning.trainer import explained

CPU = torch.device("cpu")
SPEC = TabMSpec(members=3, width=16, bins=8, embedding=3)
SMALL, LARGE = 64 << 10, 1 << 28
"""Bytes into which a table of some thousand rows does not fit, and does."""


class Killed(BaseException):
    """Stands for a process that is no more."""


@pytest.fixture
def config(quick: TrainConfig) -> TrainConfig:
    return replace(quick, epochs=2, network=SPEC, device="cpu")


@pytest.fixture
def in_file(make_table: Callable, tmp_path: Path) -> Callable[..., tuple[Path, list[pa.Table]]]:
    """``in_file(task, group=100, by="")``: a file whose folds alternate, perhaps sorted; and its folds in memory."""

    def make(task: str = "binary", rows: int = 1600, group: int = 100, by: str = "") -> tuple[Path, list[pa.Table]]:
        table = make_table(task, rows)
        if by:
            table = table.sort_by(by)
        fold = np.where(np.arange(rows) % 4 == 0, "validation", "train")
        table = table.append_column("fold", pa.array(fold)).append_column("number", pa.array(np.arange(rows)))
        file = tmp_path / "features.parquet"
        pq.write_table(table, file, row_group_size=group)
        return file, [table.filter(pc.equal(table["fold"], name)) for name in ("train", "validation")]

    return make


def rows_of(file: Path, columns: Columns, fold: str = "train") -> ParquetRows:
    return ParquetRows(file, [*columns.features, columns.target], ("fold", fold))


def both(file: Path, columns: Columns) -> tuple[ParquetRows, ParquetRows]:
    return rows_of(file, columns), rows_of(file, columns, "validation")


def bits(model: TabularModel) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.tensors().values()]


def stream_of(file: Path, columns: Columns, memory: int = SMALL, seed: int = 17) -> StreamedTable:
    config = TrainConfig(seed=seed, memory_bytes=memory)
    return learned_rows(rows_of(file, columns), columns, config, CPU, folder=None, crew=Alone())


def streaming_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "workbench-streaming"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_one_part_gives_the_bits_of_a_table_in_memory(
    task: str, in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    columns, (file, tables) = make_columns(task), in_file(task, rows=800)
    resident = fit(*tables, columns, config)
    streamed = fit(*both(file, columns), columns, replace(config, memory_bytes=LARGE))
    assert streamed.encoder == resident.encoder
    assert bits(streamed) == bits(resident)
    assert [one.to_dict() for one in streamed.history] == [one.to_dict() for one in resident.history]
    assert (streamed.temperature, streamed.conformal) == (resident.temperature, resident.conformal)


@pytest.mark.slow
def test_the_quality_is_that_of_a_table_in_memory_also_where_the_file_is_sorted(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    """Sorted by the column that says most: a part sees a slice of the world, the epoch all of it."""
    columns, (file, tables) = make_columns("binary"), in_file(rows=3000, by="slope")
    config = replace(config, epochs=10)
    resident = fit(*tables, columns, config).history[-1].value
    streamed = fit(*both(file, columns), columns, replace(config, memory_bytes=SMALL)).history[-1].value
    assert resident is not None
    assert streamed is not None
    assert abs(streamed - resident) < 0.01, f"{streamed} against {resident}"


@pytest.mark.parametrize("group", [7, 100, 100_000])
def test_every_row_is_seen_once_an_epoch_in_an_order_of_the_epoch_s_own(
    group: int, in_file: Callable, make_columns: Callable
) -> None:
    """Tiny row groups, and one that is larger than a part."""
    columns, (file, tables) = make_columns("binary"), in_file(group=group)
    stream = stream_of(file, columns)
    assert len(stream.sizes) > 1
    assert max(stream.sizes) - min(stream.sizes) <= 1
    assert max(stream.sizes) <= stream.room.rows
    orders = []
    try:
        for epoch in range(2):
            places, rows = [], []
            for part in stream.parts(epoch):
                index = torch.arange(len(part))
                places.append(part.places(index))
                rows.append(part.target.clone())
            together = torch.cat(places)
            assert torch.equal(together.sort().values, torch.arange(tables[0].num_rows))
            assert torch.equal(torch.cat(rows), torch.tensor(tables[0]["y"].to_numpy(), dtype=torch.float32)[together])
            orders.append(together)
    finally:
        stream.close()
    assert torch.equal(*orders) == (group == 100_000), (
        "one row group has one order; its parts are shuffled as they come"
    )
    again = stream_of(file, columns)
    try:
        assert torch.equal(torch.cat([part.places(torch.arange(len(part))) for part in again.parts(1)]), orders[1])
    finally:
        again.close()


def test_a_part_without_rows_of_one_class_is_learned_from(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    columns, (file, _) = make_columns("binary"), in_file(by="y", group=100_000)
    stream = stream_of(file, columns)
    try:
        assert {float(part.target.mean()) for part in stream.parts(0)} & {0.0, 1.0}, "every part had both classes"
    finally:
        stream.close()
    model = fit(*both(file, columns), columns, replace(config, epochs=4, memory_bytes=SMALL))
    assert max(report.value or 0 for report in model.history) > 0.75


def test_validation_rows_that_do_not_fit_either_are_judged_as_those_that_do(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    columns, (file, tables) = make_columns("binary"), in_file()
    stream = stream_of(file, columns)
    stream.room = replace(stream.room, resident=0)
    model = fit(tables[0], tables[1], columns, replace(config, epochs=1))
    judged = judged_rows(rows_of(file, columns, "validation"), stream)
    assert isinstance(judged, StreamedTable)
    assert not stream.ahead, "two streams would be read at once"
    assert len(judged.sizes) > 1
    resident = judged_rows(tables[1], stream)
    for _ in range(2):
        loss, predicted = judged.judged(model.network, model.encoder.target)
        wanted, said = resident.judged(model.network, model.encoder.target)
        assert loss == pytest.approx(wanted, rel=1e-9)
        np.testing.assert_allclose(predicted, said, rtol=1e-6)
    assert judged.labels.tolist() == resident.labels.tolist()
    judged.close()
    assert not streaming_threads()


def test_a_training_that_is_interrupted_goes_on_to_the_same_bits(
    in_file: Callable, make_columns: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    columns, (file, _) = make_columns("binary"), in_file(by="slope", group=250)
    config = replace(config, memory_bytes=SMALL)

    def killing(report: EpochReport) -> None:
        if report.epoch == 1:
            raise Killed

    whole = fit(*both(file, columns), columns, config)
    with pytest.raises(Killed):
        fit(*both(file, columns), columns, config, killing, folder=tmp_path / "training")
    assert not streaming_threads()
    told: list[int] = []
    again = fit(
        *both(file, columns), columns, config, lambda report: told.append(report.epoch), folder=tmp_path / "training"
    )
    assert told == [2]
    assert bits(again) == bits(whole)
    assert not (tmp_path / "training").exists()


@pytest.mark.slow
def test_a_training_that_goes_on_divides_memory_as_it_did(
    in_file: Callable, make_columns: Callable, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs take and give memory; where it decided on parts, it must not decide anew."""
    columns, (file, _) = make_columns("binary"), in_file()
    monkeypatch.setattr("workbench.learning.streaming.room.available_memory", lambda: 2 * SMALL)

    def killing(report: EpochReport) -> None:
        raise Killed

    whole = fit(*both(file, columns), columns, config)
    with pytest.raises(Killed):
        fit(*both(file, columns), columns, config, killing, folder=tmp_path / "training")
    monkeypatch.setattr("workbench.learning.streaming.room.available_memory", lambda: 8 * SMALL)
    told: list[int] = []
    again = fit(
        *both(file, columns), columns, config, lambda report: told.append(report.epoch), folder=tmp_path / "training"
    )
    assert told[0] == 2
    assert bits(again) == bits(whole)


@pytest.mark.slow
def test_a_checkpoint_of_other_rows_is_not_used(
    in_file: Callable, make_columns: Callable, config: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    columns, (file, _) = make_columns("binary"), in_file()

    def killing(report: EpochReport) -> None:
        raise Killed

    config, folder = replace(config, epochs=2, memory_bytes=SMALL), tmp_path / "training"
    with pytest.raises(Killed):
        fit(*both(file, columns), columns, config, killing, folder=folder)
    table = pq.read_table(file)
    y = table["y"].to_numpy().copy()
    one, other = (int(np.flatnonzero((y == value) & (np.arange(1600) % 4 == 1))[0]) for value in (0, 1))
    y[one], y[other] = y[other], y[one]  # nothing that an encoder knows
    pq.write_table(table.set_column(table.column_names.index("y"), "y", pa.array(y)), file, row_group_size=100)
    told: list[int] = []
    fit(*both(file, columns), columns, config, lambda report: told.append(report.epoch), folder=folder)
    assert told == [1, 2]
    assert "is of another training" in caplog.text


def test_what_is_exact_in_the_encoders_and_what_is_sampled(in_file: Callable, make_columns: Callable) -> None:
    columns, (file, tables) = make_columns("regression"), in_file("regression", rows=6000)
    exact = TableEncoder.fit(tables[0], columns)
    found = survey(rows_of(file, columns), columns, room_with(sample=512), seed=17)
    assert found.sample.num_rows == 512
    assert found.labels.tolist() == tables[0]["y"].to_pylist()
    assert found.encoder.target == exact.target
    assert found.encoder.categorical == exact.categorical
    assert found.encoder.inputs.flags == exact.inputs.flags
    for one, other in zip(found.encoder.numeric, exact.numeric, strict=True):
        assert (one.gaps, one.varies) == (other.gaps, other.varies)
        if one.varies:
            assert (one.knots[0], one.knots[-1]) == (other.knots[0], other.knots[-1])
            probe = np.array(other.knots[20:-20])
            np.testing.assert_allclose(one.transform(probe), other.transform(probe), atol=0.25)
    assert survey(rows_of(file, columns), columns, room_with(sample=1 << 20), seed=17).encoder == exact


def test_a_pass_over_the_rows_is_made_once(in_file: Callable, make_columns: Callable) -> None:
    columns, (file, _) = make_columns("binary"), in_file()
    rows, room = rows_of(file, columns), room_with()
    assert survey(rows, columns, room, 17) is survey(rows, columns, room, 17)
    assert survey(rows, columns, room, 18).sample != survey(rows, columns, room, 17).sample


@pytest.mark.slow
def test_candidates_that_cannot_stream_learn_from_a_sample_and_that_is_said(
    in_file: Callable, make_columns: Callable, config: TrainConfig, caplog: pytest.LogCaptureFixture
) -> None:
    columns, (file, tables) = make_columns("binary"), in_file(rows=6000)
    found = select(
        *both(file, columns), columns, replace(config, epochs=2, memory_bytes=SMALL), metric="roc_auc", ensemble=True
    )
    learned = {kind: one.rows for kind, one in found.contenders.items()}
    assert learned["network"] == found.rows == tables[0].num_rows
    assert learned["boosting"] == learned["linear"] < 1000
    assert f"boosting and linear models learn from {learned['boosting']:,} of {found.rows:,} rows" in caplog.text
    assert found.contenders["boosting"].value > 0.85
    said = predictions_of({"network": found.contenders["network"].model}, rows_of(file, columns, "validation"))
    np.testing.assert_allclose(said["network"], found.contenders["network"].model.predict(tables[1]), rtol=1e-6)


def test_the_rows_of_a_batch_without_a_loss_are_found_again(tmp_path: Path, config: TrainConfig) -> None:
    """Row 1234 alone has no loss; the batch that is kept has it, and is as large as a batch is."""
    random = np.random.default_rng(0)
    y = random.normal(size=2000)
    y[1234] = 1e300
    table = pa.table({"a": random.normal(size=2000), "y": y})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50)
    columns, rows = Columns("regression", "y", ("a",), ()), ParquetRows(tmp_path / "rows.parquet", ["a", "y"])
    encoder = TableEncoder.fit(table.slice(0, 1000), columns)
    config = replace(config, batch_size=32)
    model = NetworkModel(columns, encoder, config, build(SPEC, encoder.inputs))
    stream = StreamedTable(rows, encoder, columns, y, room=room_with(rows=512, batch=64), device=CPU, seed=1)
    with pytest.raises(NotFinite) as error:
        TrainingLoop(model, stream, stream, clock=lambda: 0.0, began=0.0)._learn()
    assert not streaming_threads()
    explained(error.value, rows, columns, config, tmp_path)
    kept = pq.read_table(tmp_path / "not_finite.parquet")
    assert 1e300 in kept["y"].to_pylist()
    assert 16 <= kept.num_rows <= 32


def damaged(file: Path, group: int) -> None:
    """Overwrite the pages of one row group."""
    column = pq.ParquetFile(file).metadata.row_group(group).column(0)
    content = bytearray(file.read_bytes())
    begin = column.dictionary_page_offset or column.data_page_offset
    content[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(content)


def test_a_damaged_row_group_is_named_and_nothing_is_left_running(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    columns, (file, _) = make_columns("binary"), in_file()
    damaged(file, 6)
    with pytest.raises(DataError, match=r"features\.parquet: row group 7 of 16 cannot be read .*dvc checkout"):
        fit(*both(file, columns), columns, replace(config, memory_bytes=SMALL))
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"its footer cannot be read"):
        rows_of(file, columns)


def test_damage_in_the_middle_of_a_training_is_an_error_of_the_training(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    columns, (file, _) = make_columns("binary"), in_file()
    with pytest.raises(DataError, match=r"row group 7 of 16 cannot be read"):
        fit(*both(file, columns), columns, replace(config, epochs=50, memory_bytes=SMALL), lambda _: damaged(file, 6))
    assert not streaming_threads()


def test_rows_that_go_while_it_trains_are_noticed(in_file: Callable, make_columns: Callable) -> None:
    columns, (file, _) = make_columns("binary"), in_file()
    stream = stream_of(file, columns)
    stream.rows.counts[3] += 5
    with pytest.raises(DataError, match="has other rows than when the training began"):
        Counter(len(part) for part in stream.parts(0))
    assert not streaming_threads()


def test_the_budget_ends_a_streamed_training_and_its_thread(
    in_file: Callable, make_columns: Callable, config: TrainConfig
) -> None:
    ticks = iter(range(10**6))
    columns, (file, _) = make_columns("binary"), in_file()
    model = fit(
        *both(file, columns),
        columns,
        replace(config, epochs=1000, budget_seconds=90, memory_bytes=SMALL),
        clock=lambda: float(next(ticks)),
    )
    assert model.history[-1].stopped == "budget"
    assert not streaming_threads()


def test_whether_a_table_fits_is_told_by_its_size(in_file: Callable, make_columns: Callable) -> None:
    columns, (file, tables) = make_columns("binary"), in_file()
    parts = both(file, columns)
    assert fits(parts, columns, 4 * sum(table.nbytes for table in tables), CPU)
    assert not fits(parts, columns, sum(table.nbytes for table in tables), CPU)
    assert 1 << 26 < available_memory() < 1 << 46
    whole = ParquetRows(file, [*columns.features, columns.target])
    assert whole.num_rows == whole.rows_of_file == 1600
    with pytest.raises(ModelError, match="do not hold two parts of a table"):
        Room.of(parts[0], columns, 4096, CPU)


def test_a_column_that_is_not_there_is_named(in_file: Callable) -> None:
    file, _ = in_file()
    with pytest.raises(ModelError, match="has no column 'sloop'"):
        ParquetRows(file, ["sloop"])


def room_with(**changes: Any) -> Room:
    return replace(Room(rows=1024, batch=256, at_once=2, sample=512, resident=0), **changes)
