"""Rows a second that a training learns from: our trainer, a plain DataLoader loop, and the model's bare step.

    python -m benchmarks.training_speed [--rows 54000] [--network default|resnet] [--device auto] [--rounds 7]
        [--compiled]

One model, one batch size, one device, in one run; the three take turns at a hundred steps each, and the best of the
rounds counts, so that other processes of the machine do not. The plain loop is what most people write: a TensorDataset,
a DataLoader that shuffles, AdamW, `loss.item()` at each step, all in float32. The bare step is forwards, backwards and
AdamW, as ours does them, on one batch that lies on the device: the ceiling of any loop. Ours does more in an epoch than
either: it clips gradients, averages weights and judges validation rows. With `--compiled`, the bare step is timed once
more as torch.compile makes it: what `train.compile: on` would bring on this device.
Needs torch, numpy and pyarrow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from workbench.learning import Columns, EpochReport, TrainConfig  # before torch: no spinning threads

import numpy as np  # isort: skip
import pyarrow as pa  # isort: skip
import torch  # isort: skip
from torch.utils.data import DataLoader, TensorDataset  # isort: skip

from workbench.learning.compiling import CompiledStep
from workbench.learning.config import batch_size_for
from workbench.learning.devices import half_precision, pick_device
from workbench.learning.encoding import TableEncoder
from workbench.learning.loop import TrainingLoop
from workbench.learning.networks import ResNetSpec, build, default_spec
from workbench.learning.networks.model import NetworkModel
from workbench.learning.objectives import loss
from workbench.learning.tensors import TensorTable

CEILING = 0.9
PLAIN = {"cpu": 2.0, "cuda": 5.0}
STEPS = 100
"""Steps that each is timed for, at most."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=54_000)
    parser.add_argument("--network", choices=["default", "resnet"], default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compiled", action="store_true", help="also time the bare step compiled")
    options = parser.parse_args()
    device = pick_device(options.device)
    columns, train, validation = example(options.rows)
    encoder = TableEncoder.fit(train, columns)
    spec = ResNetSpec() if options.network == "resnet" else default_spec(options.rows, 33, device.type)
    config = TrainConfig(epochs=2, batch_size=batch_size_for(options.rows, 1024), network=spec)
    timed = min(options.rows, STEPS * config.batch_size)
    parts = (train.slice(0, timed), validation.slice(0, timed // 10))
    learned, judged = (TensorTable.of(table, encoder, columns, device) for table in parts)

    def model() -> NetworkModel:
        torch.manual_seed(0)
        return NetworkModel(columns, encoder, config, build(spec, encoder.inputs).to(device))

    ways: dict[str, Callable[[], float]] = {
        "bare step on a resident batch": lambda: _bare(model(), learned),
        "our trainer, validation included": lambda: _ours(model(), learned, judged),
        "plain DataLoader loop": lambda: _plain(model(), learned, device),
    }
    if options.compiled:
        ways["bare step, compiled"] = lambda: _bare(model(), learned, compiled=True)
    best = dict.fromkeys(ways, 0.0)
    for _ in range(options.rounds):
        for name, way in ways.items():
            best[name] = max(best[name], way())
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{spec.name} of {model().weights:,} weights, {options.rows:,} rows, batch {config.batch_size}, on {name}")
    bare, ours, plain, *_ = best.values()
    print(f"{'':36}{'rows/s':>10}{'of the ceiling':>16}{'to the plain loop':>19}")
    for way, speed in best.items():
        print(f"{way:36}{speed:10,.0f}{speed / bare:16.2f}{speed / plain:19.2f}")
    print(f"bar ≥ {CEILING} of the ceiling: {_word(ours / bare >= CEILING)}", end=", ")
    wanted = PLAIN[device.type]
    print(f"bar ≥ {wanted:g} times the plain loop: {_word(ours / plain >= wanted)}")


def example(rows: int) -> tuple[Columns, pa.Table, pa.Table]:
    """Thirty numbers and three categories; the target follows from some of them."""
    random = np.random.default_rng(0)
    numbers = {f"x{at}": random.normal(size=rows + rows // 10) for at in range(30)}
    codes = {f"c{at}": random.integers(20, size=rows + rows // 10).astype(str) for at in range(3)}
    y = (numbers["x0"] * numbers["x1"] + np.sin(numbers["x2"]) + random.normal(size=rows + rows // 10) > 0).astype(int)
    table = pa.table({**numbers, **codes, "y": y})
    return Columns("binary", "y", tuple(numbers), tuple(codes)), table.slice(0, rows), table.slice(rows)


def _ours(model: NetworkModel, train: TensorTable, validation: TensorTable) -> float:
    """A whole epoch, the second one: the first warms up."""
    ends: list[float] = []

    def listen(report: EpochReport) -> None:
        ends.append(time.perf_counter())

    TrainingLoop(model, train, validation, time.perf_counter, time.perf_counter()).run(listen)
    return len(train) / (ends[1] - ends[0])


def _bare(model: NetworkModel, train: TensorTable, *, compiled: bool = False) -> float:
    optimizer = torch.optim.AdamW(model.network.parameters(), lr=1e-9, fused=True)
    batch, target = train.batch(torch.arange(model.config.batch_size, device=train.device))
    model.network.train()

    def losses(*parts: torch.Tensor) -> torch.Tensor:
        return loss("binary", model.network(*parts[:3]).float(), parts[3])

    called = CompiledStep(losses, train.device) if compiled else losses

    def step() -> None:
        optimizer.zero_grad()
        with half_precision(train.device):
            value = called(*batch, target)
        value.backward()
        optimizer.step()

    return _timed(step, train, model.config.batch_size)


def _plain(model: NetworkModel, train: TensorTable, device: torch.device) -> float:
    parts = TensorDataset(*(part.cpu() for part in (*train.features, train.target)))
    loader = iter(DataLoader(parts, batch_size=model.config.batch_size, shuffle=True, drop_last=True))
    optimizer = torch.optim.AdamW(model.network.parameters(), lr=1e-3)
    model.network.train()

    def step() -> None:
        numeric, flags, codes, target = (part.to(device) for part in next(loader))
        optimizer.zero_grad()
        value = loss("binary", model.network(numeric, flags, codes), target)
        value.backward()
        optimizer.step()
        value.item()

    return _timed(step, train, model.config.batch_size)


def _timed(step: Callable[[], None], train: TensorTable, batch_size: int) -> float:
    """Rows a second over as many steps as an epoch has, :data:`STEPS` at most, after three to warm up."""
    steps = min(STEPS, len(train) // batch_size - 3)
    for _ in range(3):
        step()
    _wait(train.device)
    began = time.perf_counter()
    for _ in range(steps):
        step()
    _wait(train.device)
    return steps * batch_size / (time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


if __name__ == "__main__":
    main()
