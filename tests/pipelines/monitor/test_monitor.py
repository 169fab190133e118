"""``monitor`` as a person sees it: a look at a client, a verdict, a mark, and the training that takes it away."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyarrow import csv as arrow_csv
from pydantic import ValidationError

from pipelines.monitor import nodes
from pipelines.monitor.freshness import expected_of
from pipelines.monitor.parameters import MonitorParameters
from pipelines.monitor.pipeline import create_pipeline
from workbench.clients import Client, ClientRegistry
from workbench.registry.retraining import champion_to_retrain, marked
from workbench.registry.store import open_store

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/monitoring.md").read_text()
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

Kedro = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _forget_the_store() -> Iterator[None]:
    yield
    if "mlflow" in sys.modules:
        import mlflow

        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


def verdict_of(project: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads((project / "data/clinic/08_reporting/monitor.json").read_text())
    return verdict


def serve(project: Path, *, model: str = "clinic", most: int | None = None) -> int:
    """Put lines into the client's log, as a server would: each held-out row once, with the champion's prediction."""
    data = project / "data/clinic"
    rows = pq.read_table(data / "04_feature/features.parquet").to_pylist()
    said = pq.read_table(data / "07_model_output/predictions.parquet").to_pylist()
    numeric = json.loads((data / "04_feature/features.json").read_text())["numeric"]
    served = [(row, one) for row, one in zip(rows, said, strict=True) if row["fold"] == "test"][:most]
    log = data / "07_model_output/serving/predictions.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    shared = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "model": model, "version": "1", "row": 0}
    with log.open("a") as stream:
        for row, one in served:
            predicted = {"prediction": one["prediction"], "probability": one["probability"]}
            line = {**shared, "request_id": "r", **predicted, "features": {name: row[name] for name in numeric}}
            stream.write(json.dumps(line) + "\n")
    return len(served)


@pytest.mark.slow
@pytest.mark.integration
def test_a_client_to_which_nothing_came_is_steady_and_what_was_not_measured_is_said(
    clinic_copy: Path, kedro: Kedro
) -> None:
    rows = serve(clinic_copy)
    serve(clinic_copy, model="skyways", most=3)
    with (clinic_copy / "data/clinic/07_model_output/serving/predictions.jsonl").open("a") as stream:
        stream.write('{"at": "2026-1')
    done = kedro(clinic_copy, "run", "--pipeline", "monitor", "--env", "clients/clinic")
    said = verdict_of(clinic_copy)
    assert (said["client"], said["verdict"], said["version"], said["reasons"]) == ("clinic", "steady", 1, [])
    notes = " ".join(said["notes"])
    for part in (
        "No row came since the champion was trained.",
        f"1 of {rows + 4} lines are no lines of a prediction log",
        f"3 of {rows + 4} lines are another model's, and were refused",
        "the client has no column with their time",
    ):
        assert part in notes
    assert said["new_rows"]["rows"] == 0
    assert said["served"]["rows"] == rows
    assert sum(day["rows"] for day in said["served"]["days"]) == rows
    assert "monitor: steady (champion version 1)" in done.stdout.splitlines()[-1]
    with (clinic_copy / "data/clinic/08_reporting/monitor_measures.csv").open() as stream:
        measures = list(csv.DictReader(stream))
    assert {one["level"] for one in measures} == {"steady"}
    assert sum(one["measure"] == "psi of feature" and one["part"] == "served" for one in measures) == 30
    store = open_store(clinic_copy)
    run = store.api.search_runs([store.experiment("clinic")], order_by=["attributes.start_time DESC"], max_results=1)[0]
    assert run.data.tags["pipeline"] == "monitor"
    assert run.data.metrics["monitor.verdict"] == 0
    assert run.data.metrics["monitor.served_rows"] == rows
    assert champion_to_retrain(clinic_copy, "clinic") is None
    (shown,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    as_shown = json.loads(shown)
    assert list(as_shown) == list(said), "what the page shows is what is written"
    for part in ("new_rows", "served"):
        assert list(as_shown[part]) == list(said[part]), part
    assert set(as_shown["reasons"][0]) == set(measures[0])


def test_the_page_has_the_thresholds_of_the_configuration() -> None:
    configured = yaml.safe_load((ROOT / "conf/base/parameters.yml").read_text())["monitor"]
    told = re.findall(r"`(\w+)\.(\w+)`,? \(?([\d.]+\d|\d+)\b", PAGE)
    told = [one for one in told if one[0] in configured]
    assert len(told) >= 9
    for part, name, value in told:
        assert configured[part][name] == float(value), f"{part}.{name}"


def let_come(project: Path) -> None:
    """As many rows again, in which small is malignant and not large, and all of it elsewhere.

    Trees can learn both halves; who knows only the first is wrong in the second.
    """
    old = pq.read_table(project / "data/clinic/01_raw/samples.parquet")
    new = {}
    for name in old.column_names:
        values = old[name].to_numpy()
        if name == "sample_id":
            new[name] = values + 100_000
        elif name == "malignant":
            new[name] = values
        else:
            new[name] = 20 * values.max() + 1 - values
    landing = project / "data/clinic/00_landing/samples.csv"
    landing.parent.mkdir(parents=True, exist_ok=True)
    arrow_csv.write_csv(pa.concat_tables([old, pa.table(new, schema=old.schema)]), landing)
    folder = project / "conf/clients/clinic"
    text = (folder / "client.yml").read_text()
    source = "{kind: sklearn, dataset: breast_cancer}"
    assert source in text
    (folder / "client.yml").write_text(text.replace(source, "{kind: csv, path: data/clinic/00_landing/samples.csv}"))
    (folder / "schema.yml").unlink()  # its limits are those of the measurements as they were
    quick = {"candidates": ["boosting", "linear"], "ensemble": False, "budget_seconds": 20}
    (folder / "parameters.yml").write_text(yaml.safe_dump({"train": quick}))


@pytest.mark.slow
@pytest.mark.integration
def test_a_table_that_moved_marks_the_champion_and_the_fleet_trains_it_again(clinic_copy: Path, kedro: Kedro) -> None:
    let_come(clinic_copy)
    look = ("run", "--env", "clients/clinic", "--pipelines")
    kedro(clinic_copy, *look, "ingest,prepare,monitor")
    said = verdict_of(clinic_copy)
    assert said["verdict"] == "retrain"
    assert said["performance"]["high"] < said["performance"]["promised"]
    assert said["new_rows"]["rows"] > 500
    assert said["new_rows"]["drifted"] == 30
    assert {one["measure"] for one in said["reasons"]} >= {"roc_auc", "share of drifted features"}
    assert champion_to_retrain(clinic_copy, "clinic") is None, "a verdict alone marks nothing"
    nothing = kedro(clinic_copy, "fleet", "run", "--marked")
    assert nothing.stdout.strip() == "No champion of these clients is marked to be trained again: nothing to run."

    kedro(clinic_copy, *look, "monitor", "--params", "monitor.mark=true")
    why = champion_to_retrain(clinic_copy, "clinic")
    assert why is not None
    assert why.startswith("champion version 1 is to be trained again: roc_auc is ")
    assert marked(clinic_copy, ["skyways", "clinic"]) == {"clinic": why}
    check = kedro(clinic_copy, "client", "check", "clinic", check=False)
    assert "champion version 1 is to be trained again" in check.stdout
    planned = kedro(clinic_copy, "fleet", "run", "--marked", "--dry-run", "--json")
    assert [one["client"] for one in json.loads(planned.stdout)] == ["clinic"]
    assert why in planned.stderr
    status = json.loads(kedro(clinic_copy, "fleet", "status", "--json").stdout)
    assert {one["monitor"]["verdict"] for one in status} == {"retrain"}

    kedro(clinic_copy, "fleet", "run", "--marked", "--workers", "1")
    verdict = json.loads((clinic_copy / "data/clinic/08_reporting/verdict.json").read_text())
    assert (verdict["version"], verdict["champion_version"]) == (2, 2), verdict["reasons"]
    assert champion_to_retrain(clinic_copy, "clinic") is None
    tags = {number: open_store(clinic_copy).api.get_model_version("clinic", number).tags for number in ("1", "2")}
    assert "retrain" in tags["1"], "what was said of the version before stays"
    assert "retrain" not in tags["2"]
    assert json.loads(kedro(clinic_copy, "fleet", "run", "--marked", "--json").stdout) == []

    kedro(clinic_copy, *look, "monitor")
    again = verdict_of(clinic_copy)
    assert (again["verdict"], again["version"], again["new_rows"]["rows"]) == ("steady", 2, 0)


def test_a_mark_is_asked_for_only_where_the_parameters_say_so() -> None:
    reasons = [{"level": "retrain", "sentence": "It is worse."}]
    verdict = {"verdict": "retrain", "version": 3, "made": "2026-11-30T12:00:00+00:00", "reasons": reasons}
    assert nodes.mark_champion(verdict, MonitorParameters()) == {"version": 3, "why": ""}
    wanted = MonitorParameters(mark=True)
    assert nodes.mark_champion(verdict, wanted) == {"version": 3, "why": "It is worse (monitor, 2026-11-30)"}
    assert nodes.mark_champion({**verdict, "verdict": "watch", "reasons": []}, wanted)["why"] == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"drift": {"watch": 0.3}}, r"watch \(0.3\) is above drift \(0.25\)"),
        ({"drift": {"share": 0}}, "greater than 0"),
        ({"performance": {"confidence": 1}}, "less than 1"),
        ({"performance": {"margin": -0.1}}, "greater than or equal to 0"),
        ({"quality": {"unseen": 2}}, "less than or equal to 1"),
        ({"served": {"day": 3}}, "Extra inputs are not permitted"),
        ({"marks": True}, "Extra inputs are not permitted"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MonitorParameters.model_validate(given)


def test_kedro_can_resolve_the_annotations_that_it_validates_parameters_by() -> None:
    for node in create_pipeline().nodes:
        hints = get_type_hints(node.func)
        assert ("params:monitor" in node.inputs) == (hints.get("monitor") is MonitorParameters)


def client(**schedules: dict[str, Any]) -> Client:
    known = ClientRegistry(ROOT).load("clinic")
    return Client.model_validate({**known.model_dump(mode="json"), "schedule": schedules})


def test_the_schedules_that_bring_rows_say_how_old_the_newest_may_be() -> None:
    daily = {"cron": "0 6 * * *", "pipelines": ["ingest"]}
    working = {"cron": "0 6 * * 1-5", "pipelines": ["__default__"]}
    found = expected_of(client(weekdays=working), None, NOW)
    assert found is not None
    assert (found.days, found.because) == (6.0, "twice the longest gap of the schedule 'weekdays'")
    both = expected_of(client(weekdays=working, daily=daily), None, NOW)
    assert both is not None
    assert both.days == 2.0, "the one that comes most often counts"
    given = expected_of(client(daily=daily), 9.0, NOW)
    assert given is not None
    assert (given.days, given.because) == (9.0, "monitor.quality.newest_days")


def test_a_schedule_of_reports_alone_brings_no_rows() -> None:
    assert (
        expected_of(
            client(nightly={"cron": "30 2 * * *"}, scored={"cron": "0 6 * * *", "pipelines": ["score"]}), None, NOW
        )
        is None
    )


def test_importing_the_pipeline_imports_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.monitor.pipeline;"
        "print(sorted({'torch','mlflow','pandas','pyarrow','ibis','duckdb','numpy'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
