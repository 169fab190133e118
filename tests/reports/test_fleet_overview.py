"""All clients on one page: from the ledger and the clients' summaries, a broken client among them."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.clients import ClientRegistry
from workbench.datasets import ReportNumbers
from workbench.notebook import fleet
from workbench.reports import fleet_overview
from workbench.reports.fleet_overview.outliers import outliers

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC).isoformat()
RUN = {
    "number": 5, "state": "succeeded", "error": None, "finished": NOW, "seconds": 9.0, "metric": "roc_auc", "value": 0.8
}  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> ClientRegistry:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "clients" / "tradewinds" / "client.yml").write_text("id: tradewinds\n")
    reporting = tmp_path / "data" / "clinic" / "08_reporting"
    (reporting / "drift.tables").mkdir(parents=True)
    column = {"type": "date", "min": "2024-01-01", "max": "2024-03-05"}
    table = {"read": 100, "quarantined": 2, "columns": {"when": column}}
    (reporting / "ingest.json").write_text(json.dumps({"tables": {"samples": table}}))
    (reporting / "drift.tables" / "drift_summary.json").write_text('{"state": "drift"}')
    return ClientRegistry(tmp_path)


def test_each_client_has_a_row_and_a_broken_one_says_why(registry) -> None:
    failed = RUN | {"state": "failed", "error": "no disk", "value": None, "metric": None, "number": 6}
    runs = {"clinic": [failed, RUN, RUN | {"number": 4, "value": 0.7}]}
    numbers = fleet_overview.fleet_numbers(registry, runs, [{"client": "clinic", "version": 2}])
    clinic, skyways, tradewinds = numbers["fleet_clients"]
    assert clinic["state"] == "failed"
    assert (clinic["metric"], clinic["value"], clinic["champion"]) == ("roc_auc", 0.8, 2)
    assert (clinic["refused_share"], clinic["newest_data"], clinic["drift"]) == (0.02, "2024-03-05", "drift")
    assert skyways["state"] == "never ran"
    assert tradewinds["state"] == "misconfigured"
    assert "client tradewinds" in tradewinds["error"]
    assert [row["value"] for row in numbers["fleet_trend"]] == [0.7, 0.8], "oldest first"

    clients, trend = numbers["fleet_clients"], numbers["fleet_trend"]
    assert "3 of 3 need a look" in fleet_overview.overview(clients, 7)
    well = [row | {"state": "succeeded"} for row in clients[1:]]
    assert "1 of 3 needs a look" in fleet_overview.overview([clients[0], *well], 7)
    html = fleet_overview.client_table(clients, trend)
    assert "clinic: one run, 0.800" in fleet_overview.client_table(clients, trend[1:])
    assert "clinic: 2 runs, from 0.700 to 0.800" in html
    steps = fleet_overview.next_steps(clients, 7)
    for command in ("kedro client check tradewinds", "kedro fleet log clinic", "kedro run --env clients/skyways"):
        assert command in steps


def test_what_monitor_said_of_the_champion_is_shown_and_of_the_one_before_it_is_not(registry) -> None:
    said = {
        "client": "clinic",
        "verdict": "retrain",
        "version": 2,
        "made": NOW,
        "reasons": [{"sentence": "It is worse."}],
    }
    (registry.project / "data/clinic/08_reporting/monitor.json").write_text(json.dumps(said))

    def shown(version: int) -> tuple[dict, str, str]:
        numbers = fleet_overview.fleet_numbers(registry, {"clinic": [RUN]}, [{"client": "clinic", "version": version}])
        rows = numbers["fleet_clients"]
        return rows[0], fleet_overview.client_table(rows, []), fleet_overview.next_steps(rows, 7)

    row, table, steps = shown(2)
    assert (row["monitor"], row["monitor_reason"]) == ("retrain", "It is worse.")
    assert "to\N{NO-BREAK SPACE}be\N{NO-BREAK SPACE}trained\N{NO-BREAK SPACE}again" in table
    assert "Train clinic again" in steps
    assert "kedro fleet run --clients clinic" in steps
    row, table, steps = shown(3)
    assert row["monitor"] is None
    assert "again" not in table
    assert "Train clinic" not in steps


def test_a_client_that_has_not_run_lately_is_named() -> None:
    row = {"client": "a", "state": "succeeded", "finished": "2020-01-01T00:00:00+00:00", "drift": None, "champion": 1}
    assert "Run a again" in fleet_overview.next_steps([row], 7)
    assert "Every client's last run went well" in fleet_overview.overview([row], 7)
    assert "Nothing." in fleet_overview.next_steps([row | {"finished": NOW}], 7)
    assert "kedro report run drift --clients a" in fleet_overview.next_steps([row | {"drift": "drift"}], 7)


@pytest.mark.parametrize("state", ["planned", "running"])
def test_a_client_that_runs_needs_no_look(state: str) -> None:
    well = {"client": "b", "title": "B", "state": "succeeded", "finished": NOW, "drift": None, "champion": 1}
    row = well | {"client": "a", "state": state, "finished": None, "metric": None, "refused_share": None}
    row |= {"newest_data": None, "read": None}
    shown = fleet_overview.overview([row, well], 7)
    assert "One run is under way" in shown
    assert "1 of 2" in shown
    assert "need" not in shown.replace("No client needs a look.", "")
    assert re.findall(r'<div class="number">(.*?)</div>', shown)[2] == "0", "it does not run lately, it runs now"
    assert "Nothing." in fleet_overview.next_steps([row, well], 7)
    assert f"→\N{NO-BREAK SPACE}{state}<" in fleet_overview.client_table([row], [])


def clients(*seconds: float | None):
    return [{"client": f"c{i}", "seconds": value, "refused_share": None} for i, value in enumerate(seconds)]


def test_one_of_many_stands_out_and_few_are_not_compared() -> None:
    (found,) = outliers(clients(10, 11, 12, 9, 10, 300, None), [])
    assert (found["client"], found["usual"], found["what"]) == ("c5", 10.5, "seconds of the last run")
    assert found["score"] > 3.5
    assert outliers(clients(10, 11, 12, 300), []) == []
    assert outliers(clients(10, 10, 10, 10, 10, 300), []) == [], "without any spread there is no measure of far"
    assert "c5" in fleet_overview.outlier_table([found], clients(1))
    assert "Fewer than five clients" in fleet_overview.outlier_table([], clients(1))


def trend(metric: str, *values: float):
    return [{"client": "a", "run": str(i), "metric": metric, "value": value} for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("metric", "newest", "named"),
    [("roc_auc", 0.5, True), ("roc_auc", 0.99, False), ("rmse", 0.5, False), ("rmse", 0.99, True)],
)
def test_only_a_metric_that_got_worse_stands_out(metric, newest, named) -> None:
    found = outliers([], trend(metric, 0.80, 0.81, 0.79, 0.80, 0.82, newest))
    assert bool(found) == named


def test_the_last_page_is_compared_with_as_it_was_and_without_what_it_was_compared_with(tmp_path: Path) -> None:
    saved = ReportNumbers(filepath=str(tmp_path / ".workbench" / "reports" / "fleet_overview.tables"))
    for number in (1, 2):
        saved.save({"about": {"made": "2026-11-30T12:00:00+00:00"}, "fleet_clients": [{"client": "acme", "n": number}]})
    last = fleet._last(tmp_path)
    assert last is not None
    assert last.keys() == {"about", "fleet_clients"}
    assert last["fleet_clients"] == [{"client": "acme", "n": 2}]
