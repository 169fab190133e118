"""Rows a second of a training that streams its table from Parquet, beside one that holds it.

    python -m benchmarks.streaming [--rows 200000] [--columns 30] [--parts 8] [--group 20000] [--epochs 6]
        [--device auto] [--network default|small]

One file, sorted by the column that says most of the target, and one model; in one run. `resident` has the encoded table
on the device. `streamed` reads the file in every epoch, into two places that each hold 1/parts of the rows; its row
groups come in random order and by turns. `in file order` is the same without that: what the shuffling is good for.
Rows a second are of the last epoch, validation included; processor seconds of an epoch are those of all threads, and
say on a busy machine what a clock does not. The loss is on validation rows, the lowest of the epochs.
Needs torch, numpy and pyarrow.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from workbench.learning import Columns, EpochReport, TrainConfig, fit  # before torch: no spinning threads

import numpy as np  # isort: skip
import pyarrow as pa  # isort: skip
import pyarrow.parquet as pq  # isort: skip
import torch  # isort: skip

from workbench.learning.devices import pick_device
from workbench.learning.networks import ResNetSpec
from workbench.learning.streaming import ParquetRows
from workbench.learning.streaming.room import PARTS, encoded_bytes
from workbench.learning.streaming.table import StreamedTable


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--group", type=int, default=20_000, help="rows of a row group")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--network", choices=["default", "small"], default="default")
    options = parser.parse_args()
    device = pick_device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.parquet")
        columns = _write(file, options.rows, options.columns, options.group)
        names = [*columns.features, columns.target]
        rows = [ParquetRows(file, names, ("fold", fold)) for fold in ("train", "validation")]
        part = rows[0].num_rows // options.parts
        # Just enough for parts of that size: the power of two below is what they are cut to.
        memory = (1 << part.bit_length()) * encoded_bytes(columns) * PARTS
        config = TrainConfig(
            epochs=options.epochs,
            patience=options.epochs,
            device=device.type,
            memory_bytes=memory,
            budget_seconds=300,
            network=ResNetSpec(width=32, blocks=1, bins=8, embedding=2) if options.network == "small" else None,
        )
        name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
        size, raw = file.stat().st_size / 1e6, rows[0].bytes_a_row * options.rows / 1e6
        print(f"{options.rows:,} rows of {options.columns} numbers and a category, {size:.0f} MB in a file,", end=" ")
        print(f"{raw:.0f} MB in memory; limit {memory / 1e6:.0f} MB; on {name}")
        print(f"{'':16}{'rows/s':>10}{'to resident':>13}{'processor s an epoch':>22}{'validation loss':>17}")
        tables = [part.table() for part in rows]
        resident = _line("resident", tables, columns, config, 0.0)
        _line("streamed", rows, columns, config, resident)
        StreamedTable.order = lambda self, epoch: list(range(self.rows.groups))  # type: ignore[method-assign]
        _line("in file order", rows, columns, config, resident, at_once=1)


def _line(
    name: str,
    rows: list[ParquetRows] | list[pa.Table],
    columns: Columns,
    config: TrainConfig,
    to: float,
    at_once: int = 0,
) -> float:
    """One training; its rows a second."""
    ends: list[tuple[float, float]] = []

    def listen(report: EpochReport) -> None:
        ends.append((time.perf_counter(), time.process_time()))

    if at_once:
        for part in rows:
            part.surveys = {
                asked: replace(found, at_once=at_once) if hasattr(found, "at_once") else found
                for asked, found in part.surveys.items()
            }
    model = fit(*rows, columns, config, listen)
    (begin, before), (end, after) = ends[-2:]
    speed = rows[0].num_rows / (end - begin)
    loss = min(report.validation_loss for report in model.history)
    print(f"{name:16}{speed:10,.0f}{speed / (to or speed):13.2f}{after - before:22.2f}{loss:17.4f}", flush=True)
    return speed


def _write(file: Path, rows: int, count: int, group: int) -> Columns:
    """Numbers, a category and a target that follows from some of them; sorted by the first number."""
    random = np.random.default_rng(0)
    numbers = {f"x{at}": random.normal(size=rows) for at in range(count)}
    numbers["x0"].sort()
    kinds = random.choice(["a", "b", "c"], rows)
    score = 1.5 * numbers["x0"] + numbers["x1"] * (kinds == "a") + np.sin(2 * numbers["x2"])
    y = (score + random.normal(size=rows) > 0).astype(np.int8)
    fold = np.where(random.random(rows) < 0.2, "validation", "train")
    pq.write_table(pa.table({**numbers, "kind": kinds, "y": y, "fold": fold}), file, row_group_size=group)
    return Columns("binary", "y", tuple(numbers), ("kind",))


if __name__ == "__main__":
    main()
