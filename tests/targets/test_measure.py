"""What a plan for all targets is made from: the model's time, and what servers and trainings took, by the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import configure_project, pipelines

from workbench.fleet import memory
from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Outcome
from workbench.fleet.schema import transaction
from workbench.targets import release as releases
from workbench.targets.choice import measure


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_project("pipelines")
    monkeypatch.setattr(releases, "predict", lambda model, rows: [{"prediction": model} for _ in rows])


class Given(releases.Release):
    """Version 2 of a model that needs no files."""

    rows: Any = [{"x": 1.0}, {"x": 2.0}]  # noqa: RUF012 - in the place of a property
    model: Any = 1.0


def ran(project: Path, nodes: list[str], mib: float) -> None:
    """A run of those nodes, as the ledger keeps it: two seconds each."""
    ledger = Ledger.of(project)
    number = ledger.start("alpha", "train")
    assert ledger.finish(number, "succeeded", seconds=9.0, outcome=Outcome(peak_mib=mib))
    with transaction(ledger.path) as connection:
        for node in nodes:
            connection.execute(
                "INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?)", ("alpha", node, "f", "{}", "{}", number, 2.0)
            )


def test_a_training_took_what_its_runs_did(tmp_path: Path) -> None:
    release = Given("alpha", 2)
    nodes = [node.name for node in pipelines["train"].nodes]
    nothing = measure(tmp_path, release)
    assert (nothing.train_seconds, nothing.train_mib) == (None, None)
    ran(tmp_path, nodes[:-1], 700.0)
    if nodes[:-1]:  # of a part of the nodes no time is known
        assert measure(tmp_path, release).train_seconds is None
    ran(tmp_path, nodes[-1:], 900.0)
    ran(tmp_path, ["a_report"], 5000.0)
    found = measure(tmp_path, release)
    assert (found.train_seconds, found.train_mib) == (2.0 * len(nodes), 900.0)
    assert found.milliseconds >= 0


def test_memory_is_a_servers_where_one_was_measured(tmp_path: Path) -> None:
    release = Given("alpha", 2)
    here = measure(tmp_path, release)
    assert (here.memory_mib > 10, here.memory_from) == (True, "this process, for want of a server's")
    memory.record(tmp_path, "alpha", 1, 321.0)
    found = measure(tmp_path, release)
    assert found.memory_mib == 321.0
    assert found.memory_from.startswith("the most of a server of version 1, 20")
