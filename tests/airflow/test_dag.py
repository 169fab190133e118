"""The exported DAG file, run by a real Airflow in an environment of its own: ``make test-airflow``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.schedules.book import SlotBook

pytestmark = pytest.mark.airflow


def test_a_slot_by_airflow(
    airflow: Callable[..., str], clinic_copy: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    command = Path(sys.executable).with_name("kedro")
    target = airflow.dags / "reports.py"  # type: ignore[attr-defined]
    kedro(clinic_copy, "report", "schedule", "export", "--to", "airflow", "--kedro", str(command), "-o", str(target))

    assert "No data found" in airflow("dags", "list-import-errors")
    airflow("dags", "reserialize")  # what the DAG processor does all the time
    dags = {dag["dag_id"]: dag for dag in json.loads(airflow("dags", "list", "-o", "json").splitlines()[-1])}
    assert sorted(dags) == [
        "workbench__clinic__nightly", "workbench__skyways__weekly", "workbench__tradewinds__monthly",
    ]  # fmt: skip
    assert dags["workbench__skyways__weekly"]["owners"] == ["fleet@smithright.example"]

    for _ in range(2):
        airflow("dags", "test", "workbench__clinic__nightly", "2026-11-24T02:30:00+00:00")
    (slot,) = SlotBook(clinic_copy).history(None, 9)
    assert (slot.name, slot.state, slot.attempts) == ("clinic nightly 2026-11-24T02:30Z", "delivered", 1)
    assert len(list((clinic_copy / "deliveries").rglob("parcel.json"))) == 1
