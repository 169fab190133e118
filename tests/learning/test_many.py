"""Many tables at once: each learns what it would learn alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from workbench.errors import ModelError
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.averaging import RunningMean
from workbench.learning.encoding import Inputs
from workbench.learning.many import Job, fit_many
from workbench.learning.many.layout import Layout, widest
from workbench.learning.many.rows import Rows
from workbench.learning.many.stack import Stack
from workbench.learning.networks import ResNetSpec, TabMSpec, build
from workbench.learning.networks.model import NetworkModel

# Without dropout and categories there is no chance within a step; bfloat16 would round differently side by side.
EXACT = TrainConfig(
    epochs=60,
    learning_rate=2e-2,
    averaging=0.9,
    patience=2,
    half=False,
    device="cpu",
    network=TabMSpec(members=3, width=16, bins=8, embedding=3, dropout=0.0),
)
WIDTHS = {"slim": ("slope",), "usual": ("slope", "wave"), "wide": ("slope", "wave", "constant", "twin")}
ROWS = {"slim": 520, "usual": 250, "wide": 390}


@pytest.fixture(scope="module")
def exact_jobs(make_table: Callable[..., pa.Table]) -> list[Job]:
    """Tables of different rows and columns, with gaps in some."""
    jobs = []
    for seed, (name, numeric) in enumerate(WIDTHS.items()):
        train, validation = (
            table.append_column("twin", table["wave"])
            for table in (make_table("binary", ROWS[name], seed), make_table("binary", 100 + 30 * seed, 10 + seed))
        )
        jobs.append(Job(name, train, validation, Columns("binary", "y", numeric, ()), replace(EXACT, seed=seed)))
    return jobs


@pytest.fixture(scope="module")
def exact_models(exact_jobs: list[Job]) -> dict:
    return fit_many(exact_jobs)


def test_each_table_has_the_losses_and_the_end_that_it_has_alone(exact_jobs: list[Job], exact_models: dict) -> None:
    ends = set()
    for job in exact_jobs:
        alone, together = fit(job.train, job.validation, job.columns, job.config), exact_models[job.name]
        assert [report.epoch for report in together.history] == [report.epoch for report in alone.history]
        assert together.history[-1].stopped == alone.history[-1].stopped == "patience"
        assert [report.best for report in together.history] == [report.best for report in alone.history]
        for loss in ("train_loss", "validation_loss", "value"):
            mine, other = ([getattr(report, loss) for report in model.history] for model in (together, alone))
            assert mine == pytest.approx(other, abs=2e-4), (job.name, loss)
        assert together.predict(job.validation) == pytest.approx(alone.predict(job.validation), abs=2e-3)
        ends.add(len(together.history))
    assert len(ends) > 1, "all ended in one epoch: nobody was seen to go on without another"


def test_a_model_of_many_is_a_model_like_others(exact_jobs: list[Job], exact_models: dict, tmp_path: Path) -> None:
    from workbench.learning import TabularModel

    model, job = exact_models["slim"], exact_jobs[0]
    model.save(tmp_path / "model")
    again = TabularModel.load(tmp_path / "model")
    assert np.array_equal(again.predict(job.validation), model.predict(job.validation))
    assert again.temperature == model.temperature
    assert [value.shape for value in model.network.state_dict().values()] == [
        value.shape for value in build(model.spec, model.encoder.inputs).state_dict().values()
    ]


@pytest.mark.parametrize(
    "task", ["multiclass", *(pytest.param(task, marks=pytest.mark.slow) for task in ("binary", "regression"))]
)
def test_with_chance_a_table_is_as_good_as_alone(task: str, make_table: Callable, make_columns: Callable) -> None:
    """Categories, dropout and bfloat16: the way moves a loss by less than another seed does."""
    config = TrainConfig(epochs=6, learning_rate=1e-2, averaging=0.9, network=TabMSpec(members=4, width=32, bins=8))
    tables = make_table(task, 500), make_table(task, 300, 50)
    jobs = [Job(f"{seed}", *tables, make_columns(task), replace(config, seed=seed)) for seed in range(4)]
    together = fit_many(jobs)
    alone = [_lowest(fit(*tables, job.columns, job.config)) for job in jobs]
    moved = np.abs(np.array([_lowest(together[job.name]) for job in jobs]) - alone)
    assert moved.mean() < np.ptp(alone) / 2, (moved, alone)


def _lowest(model: NetworkModel) -> float:
    return min(report.validation_loss for report in model.history)


def test_what_is_wrong_with_one_table_is_no_other_s_matter(exact_jobs: list[Job], exact_models: dict) -> None:
    slim, usual, wide = (replace(job, config=replace(job.config, epochs=4)) for job in exact_jobs)
    constant = usual.train.set_column(0, "slope", pa.array(np.ones(usual.train.num_rows)))
    told: dict[str, object] = {}
    found = fit_many(
        [
            slim,
            Job("flat", constant, usual.validation, Columns("binary", "y", ("slope",), ()), EXACT),
            replace(usual, config=replace(usual.config, learning_rate=1e30)),
            wide,
        ],
        on_done=told.__setitem__,
    )
    assert list(found) == ["slim", "flat", "usual", "wide"]
    assert told == found
    assert "features varies" in str(found["flat"])
    assert isinstance(found["usual"], ModelError)
    assert "loss became" in str(found["usual"])
    for name in ("slim", "wide"):
        assert [report.validation_loss for report in found[name].history] == pytest.approx(
            [report.validation_loss for report in exact_models[name].history[:4]], abs=2e-4
        )


def test_parts_of_a_group_learn_what_the_whole_does(exact_jobs: list[Job], exact_models: dict) -> None:
    found = fit_many([replace(job, config=replace(job.config, epochs=4)) for job in exact_jobs], at_once=2)
    for name, model in found.items():
        losses = [[report.validation_loss for report in one.history[:4]] for one in (model, exact_models[name])]
        assert losses[0] == pytest.approx(losses[1], abs=2e-4)


def test_a_group_that_memory_does_not_hold_is_halved_and_that_is_said(
    exact_jobs: list[Job], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sizes, outputs = [], Stack.outputs

    def cramped(stack: Stack, weights: torch.Tensor, features: object, *, training: bool) -> torch.Tensor:
        sizes.append(len(weights))
        if len(weights) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return outputs(stack, weights, features, training=training)  # type: ignore[arg-type]

    monkeypatch.setattr(Stack, "outputs", cramped)
    found = fit_many([replace(job, config=replace(job.config, epochs=1)) for job in exact_jobs])
    assert [record.message for record in caplog.records] == [
        "memory does not hold 3 tables at once: going on with half as many"
    ]
    assert sizes[0] == 3
    assert max(sizes[1:]) == 2
    assert [len(model.history) for model in found.values()] == [1, 1, 1]


def test_the_budget_is_for_all(exact_jobs: list[Job]) -> None:
    ticks = count()
    jobs = [replace(job, config=replace(job.config, patience=1000, epochs=10_000)) for job in exact_jobs]
    found = fit_many(jobs, budget_seconds=60, clock=lambda: float(next(ticks)))
    assert next(ticks) < 80
    assert {model.history[-1].stopped for model in found.values()} == {"budget"}


def test_two_jobs_of_one_name_are_refused(exact_jobs: list[Job]) -> None:
    with pytest.raises(ModelError, match="two tables are called 'slim'"):
        fit_many([exact_jobs[0], exact_jobs[0]])


def test_jobs_of_other_architectures_learn_for_themselves(exact_jobs: list[Job]) -> None:
    slim, usual, _ = (replace(job, config=replace(job.config, epochs=1)) for job in exact_jobs)
    other = replace(usual, config=replace(usual.config, network=ResNetSpec(width=8, blocks=1, bins=4)))
    found = fit_many([slim, other])
    assert [model.spec.name for model in found.values()] == ["tabm", "resnet"]


INPUTS = (
    Inputs(edges=((0.0, 1.0, 2.0), (-1.0, 1.0)), flags=1, cardinalities=(3, 40), outputs=2),
    Inputs(edges=((-2.0, 0.0, 3.0),), flags=0, cardinalities=(), outputs=2),
    Inputs(edges=(), flags=2, cardinalities=(5, 4, 90), outputs=2),
)


@pytest.mark.parametrize("spec", [TabMSpec(members=3, width=16, bins=4, embedding=3), ResNetSpec(width=16, bins=4)])
def test_networks_side_by_side_say_what_they_say_alone_and_what_is_added_stays_zero(spec: object) -> None:
    torch.manual_seed(0)
    networks = [build(spec, inputs).eval() for inputs in INPUTS]  # type: ignore[arg-type]
    wide = widest(INPUTS)
    layouts = [Layout(spec, inputs, wide, networks[0].reads_columns) for inputs in INPUTS]  # type: ignore[arg-type]
    stack = Stack(spec, wide, networks, layouts, torch.device("cpu"))  # type: ignore[arg-type]
    rows = 7
    features = [
        (
            torch.randn(rows, len(inputs.edges)),
            torch.rand(rows, inputs.flags).round(),
            torch.stack([torch.randint(count, (rows,)) for count in inputs.cardinalities], 1).int()
            if inputs.cardinalities
            else torch.zeros(rows, 0, dtype=torch.int32),
        )
        for inputs in INPUTS
    ]
    widened = [layout.features(one) for layout, one in zip(layouts, features, strict=True)]
    together = tuple(torch.stack(parts) for parts in zip(*widened, strict=True))
    weights = stack.first.clone().requires_grad_()
    outputs = stack.outputs(weights, together, training=False)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(outputs.square().sum(), weights)
    for at, (network, one) in enumerate(zip(networks, features, strict=True)):
        alone = network(*one)
        assert torch.allclose(outputs[at], alone, atol=1e-5)
        alone.square().sum().backward()
        given = stack.layouts[at].narrowed(
            {name: value[at] for name, value in stack.named(gradient).items()}
            | {name: value[at] for name, value in stack.buffers.items()},
            {name: value.shape for name, value in network.named_parameters()},
        )
        for name, parameter in network.named_parameters():
            assert torch.allclose(given[name], parameter.grad, atol=1e-4), name
        own = sum(parameter.numel() for parameter in network.parameters())
        assert int((gradient[at] != 0).sum()) <= own
        assert float(gradient[at].norm()) == pytest.approx(
            float(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]).norm()), rel=1e-4
        )
        for name, value in stack.state_of(at, stack.first).items():
            assert torch.equal(value, network.state_dict()[name]), name


def test_rows_are_stepped_as_torch_would_step_each_alone() -> None:
    configs = [
        TrainConfig(learning_rate=1e-2, weight_decay=0.1, averaging=0.9, clipping=0.5),
        TrainConfig(learning_rate=3e-3, weight_decay=0.0, averaging=0.99, clipping=10.0),
    ]
    torch.manual_seed(0)
    first = torch.randn(2, 30)
    rows = Rows(first.clone(), configs)
    alone = [torch.nn.Linear(30, 1, bias=False) for _ in configs]
    for layer, weights in zip(alone, first, strict=True):
        layer.weight.data = weights.unsqueeze(0).clone()
    optimizers = [
        torch.optim.AdamW(layer.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
        for layer, config in zip(alone, configs, strict=True)
    ]
    means = [RunningMean(layer, config.averaging) for layer, config in zip(alone, configs, strict=True)]
    for step in range(60):
        taking = 2 if step % 3 else 1  # the second table has fewer steps an epoch
        gradient = torch.randn(2, 30) * 3
        rows.step(taking, gradient[:taking])
        for at in range(taking):
            alone[at].weight.grad = gradient[at].unsqueeze(0).clone()
            torch.nn.utils.clip_grad_norm_(alone[at].parameters(), configs[at].clipping)
            optimizers[at].step()
            means[at].update()
    for at in range(2):
        assert torch.allclose(rows.weights[at], alone[at].weight[0], atol=1e-5)
        assert torch.allclose(rows.average[at], means[at].network.weight[0], atol=1e-5)  # type: ignore[union-attr,index]
