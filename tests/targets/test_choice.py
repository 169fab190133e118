"""Where a release could be served: what is feasible, what it costs, and what is not known."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.cli.deploy_text import print_options
from workbench.clients.targets import DatabricksTarget, VertexTarget
from workbench.targets.choice import Measured, Option, options
from workbench.targets.prices import Machine, Prices, Section
from workbench.targets.release import Release

MACHINES = {
    "small": Machine(hour=0.1, cpus=2, memory_gib=1),
    "large": Machine(hour=0.5, cpus=8, memory_gib=32),
    "g2-standard-4": Machine(hour=0.9, cpus=4, memory_gib=16, gpu="NVIDIA_L4"),
}
PRICES = Prices(
    day=date(2026, 11, 1),
    currency="USD",
    targets={"vertex": Section(source="https://example.com", region="here", machines=MACHINES)},
)
VERTEX = {"kind": "vertex", "project": "acme-1", "location": "us-central1", "bucket": "acme", "image": "a.dev/b/c:1"}

NOBODY: Any = SimpleNamespace(deploy={}, budgets=SimpleNamespace(serving_monthly=None))


def found(memory_mib: float = 300.0, **targets: Any) -> dict[str, Option]:
    client: Any = SimpleNamespace(deploy=targets, budgets=SimpleNamespace(serving_monthly=None))
    return {one.machine: one for one in options(client, PRICES, Measured(1.0, memory_mib, "the ledger", None))}


def test_what_the_model_needs_decides_which_machine_is_feasible() -> None:
    gcp = VertexTarget(**VERTEX, machine="small")
    assert [name for name, one in found(gcp=gcp).items() if not one.problem] == ["small", "large", "g2-standard-4"]
    assert found(700.0, gcp=gcp)["small"].problem == "needs 1.0 GiB, has 1"


def test_what_is_over_the_budget_is_not_feasible_and_what_is_feasible_comes_first_by_price() -> None:
    client: Any = SimpleNamespace(
        deploy={"gcp": VertexTarget(**VERTEX, machine="small", replicas=2)},
        budgets=SimpleNamespace(serving_monthly=400.0),
    )
    shown = options(client, PRICES, Measured(1.0, 300.0, "the ledger", None))
    assert [(one.machine, one.problem) for one in shown] == [
        ("small", ""),
        ("large", "over the budget of 400.00"),
        ("g2-standard-4", "over the budget of 400.00"),
    ]
    assert shown[0].monthly == pytest.approx(0.1 * 730 * 2)  # of both machines
    # A cheap one that is too small comes behind a dear one that is not.
    client.budgets.serving_monthly = None
    shown = options(client, PRICES, Measured(1.0, 700.0, "the ledger", None))
    assert [one.machine for one in shown] == ["large", "g2-standard-4", "small"]


def test_a_target_that_is_not_configured_is_no_choice() -> None:
    shown = options(NOBODY, PRICES, Measured(1.0, 300.0, "the ledger", None))
    assert {one.problem for one in shown if one.kind == "vertex"} == {"not under `deploy` in client.yml"}


@pytest.mark.parametrize(
    ("settings", "machine", "problem"),
    [
        ({"machine": "a2-highgpu-1g"}, "a2-highgpu-1g", "no price known for a2-highgpu-1g; add it to conf"),
        ({"machine": "small", "gpu": "NVIDIA_TESLA_T4"}, "small + NVIDIA_TESLA_T4", "for NVIDIA_TESLA_T4;"),
        ({"machine": "n1-a", "gpu": "NVIDIA_TESLA_T4"}, "n1-a + NVIDIA_TESLA_T4", "for n1-a and NVIDIA_TESLA_T4;"),
        (
            {"machine": "g2-standard-4", "gpu": "NVIDIA_TESLA_T4"},
            "g2-standard-4 + NVIDIA_TESLA_T4",
            "for NVIDIA_TESLA_T4;",
        ),
    ],
)
def test_what_has_no_price_is_said_and_comes_last(settings: dict[str, str], machine: str, problem: str) -> None:
    shown = found(gcp=VertexTarget(**VERTEX, **settings))
    assert list(shown)[-1] == machine
    assert shown[machine].monthly is None
    assert problem in shown[machine].problem


def test_a_gpu_in_the_price_of_its_machine_is_priced() -> None:
    shown = found(gcp=VertexTarget(**VERTEX, machine="g2-standard-4", gpu="NVIDIA_L4"))
    assert all(one.monthly is not None for one in shown.values())


def test_a_target_without_machines_to_choose_is_no_machine_without_a_price() -> None:
    lakehouse = DatabricksTarget(kind="databricks", host="https://a.example", catalog="c", schema="s")
    assert all(one.kind == "vertex" for one in found(lakehouse=lakehouse).values())


def test_a_machine_on_which_a_training_would_not_go(capsys: pytest.CaptureFixture[str]) -> None:
    """By what the run that trained took here, and a fifth more; serving is another matter."""
    took = Measured(1.0, 300.0, "the ledger", 36.0, 900.0)
    by_machine = {one.machine: one for one in options(NOBODY, PRICES, took)}
    small, large = by_machine["small"], by_machine["large"]
    assert (small.training_problem, large.training_problem) == ("needs 1.1 GiB, has 1", "")
    assert small.to_dict()["training_problem"] == "needs 1.1 GiB, has 1"
    assert "GiB" not in small.problem
    print_options(Release("alpha", 1), PRICES, took, [small, large])
    said = capsys.readouterr().out
    assert "too small" in said
    assert "a training 36 s, its run 900 MiB" in said
    unknown = options(NOBODY, PRICES, Measured(1.0, 300.0, "the ledger", 36.0))
    assert not any(one.training_problem for one in unknown)
