"""A second run does what changed and no more, and says why; what broke off is taken up where it stood."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import Cell
from workbench.fleet.run import Run
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View

pytestmark = pytest.mark.integration

Kedro = Callable[..., subprocess.CompletedProcess[str]]


def fleet(project: Path, *clients: str) -> None:
    """As ``kedro fleet run`` does, without its imports."""
    cells = [Cell(client, "__default__") for client in clients]
    Fleet(project, cells, workers=2, max_failures=None, view=View()).run()


def last(project: Path, client: str = "alpha") -> Run:
    return Ledger.of(project).history(client)[0]


def counts(project: Path) -> tuple[int | None, int | None]:
    run = last(project)
    assert run.state == "succeeded", run.error
    return run.ran, run.skipped


def explained(project: Path, kedro: Kedro) -> dict[str, tuple[str, list[str]]]:
    rows = json.loads(kedro(project, "fleet", "run", "--clients", "alpha", "--explain", "--json").stdout)
    return {row["node"]: (row["action"], row["reasons"]) for row in rows}


@pytest.mark.slow
def test_only_what_changed_is_run(tiny: Path, kedro: Kedro) -> None:
    fleet(tiny, "alpha")
    assert counts(tiny) == (3, 0)
    fleet(tiny, "alpha")
    assert counts(tiny) == (0, 3)
    run = last(tiny)
    assert (run.champion, run.metric, run.value) == (7, "roc_auc", 0.875), "what was left before still holds"

    (tiny / "conf/clients/alpha/parameters.yml").write_text("act: sleep\n")
    assert explained(tiny, kedro) == {
        "arrive": ("skip", []),
        "act": ("run", ["act changed"]),
        "judge": ("skip", []),
    }
    text = kedro(tiny, "fleet", "run", "--clients", "alpha", "--explain").stdout
    assert text.splitlines()[-1] == "1 run, 0 maybe, 2 skip"
    assert counts(tiny) == (0, 3), "to explain is not to run"
    fleet(tiny, "alpha")
    assert counts(tiny) == (1, 2)

    source = tiny / "src/tiny/nodes.py"
    source.write_text(source.read_text() + "# a remark\n")
    fleet(tiny, "alpha")
    assert counts(tiny) == (0, 3)
    source.write_text(source.read_text().replace('"version": 8', '"version": 9'))
    assert explained(tiny, kedro)["judge"] == ("run", ["code changed: tiny.nodes"])
    fleet(tiny, "alpha")
    assert counts(tiny) == (3, 0)

    kedro(tiny, "fleet", "run", "--clients", "alpha", "--force")
    assert counts(tiny) == (3, 0)


@pytest.mark.slow
def test_a_plain_run_remembers_too(tiny: Path, kedro: Kedro) -> None:
    kedro(tiny, "run", "--env", "clients/alpha")
    fleet(tiny, "alpha")
    assert counts(tiny) == (0, 3)
    kedro(tiny, "run", "--env", "clients/alpha")
    assert counts(tiny) == (3, 0), "a person who types `kedro run` means all of it"
    kedro(tiny, "run", "--env", "clients/alpha", "--only-changed")
    assert counts(tiny) == (0, 3)
    (tiny / "data/alpha/place.txt").unlink()
    kedro(tiny, "run", "--env", "clients/alpha", "--only-changed")
    assert counts(tiny) == (1, 2)
    done = kedro(tiny, "run", "--env", "clients/alpha", "--only-changed", "--runner", "ThreadRunner", check=False)
    assert "--only-changed has a runner of its own. Next: leave --runner out" in done.stderr


def test_what_broke_off_is_taken_up(tiny: Path, kedro: Kedro) -> None:
    parameters = tiny / "conf/clients/beta/parameters.yml"
    parameters.write_text("act: be killed\n")
    fleet(tiny, "alpha", "beta")
    assert last(tiny, "beta").state == "crashed"
    (cell,) = json.loads(kedro(tiny, "fleet", "resume", "--dry-run", "--json").stdout)
    assert cell["client"] == "beta"
    parameters.write_text("act: nothing\n")
    kedro(tiny, "fleet", "resume")
    run = last(tiny, "beta")
    # Which of the other two had been written down by then is a matter of moments; the broken one had not.
    assert run.state == "succeeded"
    assert run.ran in {1, 2, 3}
    assert last(tiny, "alpha").fleet != run.fleet
    assert "Nothing to resume" in kedro(tiny, "fleet", "resume").stdout
