"""What a person reads of plans, states and results: whole, in columns, and in words."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.cli.deploy_text import print_done, print_plan, print_status
from workbench.targets.book import Rollout
from workbench.targets.cost import Cost
from workbench.targets.done import Done
from workbench.targets.plan import Plan, Step
from workbench.targets.release import Release
from workbench.targets.smoke import Smoke
from workbench.targets.status import PartStatus, Status

ADDRESS = "gs://a-bucket-with-a-long-name/workbench/tradewinds/v1/artifact"
IMAGE = "europe-west4-docker.pkg.dev/a-project/a-repository/serving:2026-11-30"
LONG = "fleet.models.workbench_tradewinds_of_the_north_and_south"


def plan_of(*steps: Step) -> Plan:
    return Plan(Release("tradewinds", 1), "gcp", "there", steps, {}, {1: 100}, Cost((), "USD", "2026-11-29"), 1)


def lines(capsys: pytest.CaptureFixture[str], shown: Any, *more: Any) -> list[str]:
    {Plan: print_plan, Status: print_status, Done: print_done}[type(shown)](shown, *more)
    return capsys.readouterr().out.splitlines()


def test_what_is_planned_is_told_whole_and_what_is_long_below(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(
        capsys,
        plan_of(
            Step("create", "model", LONG, 1, {"artifact": ADDRESS, "image": IMAGE, "sha256": "0" * 64}),
            Step("adopt", "endpoint", "workbench-tradewinds", None, {"max_replicas": 1, "scale_to_zero": False}),
            Step("change", "artifact", "short", 1, {"complete": True}, {"max_replicas": (1, 2)}),
            Step("create", "served entity", "short", 1, {"complete": True, "gpu": "none"}),
            Step("keep", "server", "short", 1, {"port": 8080}),
        ),
    )
    at = said.index(f"  + model          {LONG}")
    assert said[at + 1 : at + 3] == [f"      artifact {ADDRESS}", f"      image {IMAGE}"]
    place = said[at].index(LONG) + len(LONG) + 2
    assert [line[place:] for line in said[at + 3 : at + 7]] == [
        "max replicas 1, no scale to zero  (begun by an earlier run)",
        "max replicas 1 → 2",
        "complete, gpu none",
        "",
    ]


def test_a_name_of_any_length_leaves_its_column_to_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    parts = (
        PartStatus("model", LONG, None, "created", "ready", f"{LONG}/1"),
        PartStatus("deployed model", "workbench-tradewinds-v1", 1, "planned", "working", "77"),
        PartStatus("deployment", "the-same", 1, "created", "ready", "the-same"),
    )
    said = lines(capsys, Status("tradewinds", "gcp", "there", {1: 100}, Rollout(1), parts))
    place = said[1].index(f"{LONG}/1")
    assert said[2][place:] == "77  (ledger: planned)"
    assert said[3] == "  ready    deployment      the-same"


def test_a_comparison_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    done = Done(True, {1: 100}, Rollout(1), Smoke(1, 5, 0.0, 1e-4, 7))
    assert lines(capsys, done, "version 1 is there")[-1] == (
        "  compared: 5 rows; the largest difference from the registered model is 0 "
        "(tolerance 0.0001, 7 requests until it answered)"
    )
