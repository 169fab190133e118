from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.hooks.summary import summary


@pytest.fixture
def verdict(tmp_path: Path) -> dict[str, object]:
    reporting = tmp_path / "data/acme/08_reporting"
    reporting.mkdir(parents=True)
    record = {
        "metric": "roc_auc",
        "challenger": 0.74321,
        "version": 3,
        "champion_version": 3,
        "reasons": ["first model"],
    }
    (reporting / "verdict.json").write_text(json.dumps(record))
    return record


def test_a_whole_run(tmp_path: Path, verdict: dict[str, object]) -> None:
    assert summary(tmp_path, "acme", {"verdict", "model_card", "data_quality", "raw"}) == (
        "acme · champion: version 3 (roc_auc 0.7432) · report: data/acme/08_reporting/model_card.html · "
        "data: data/acme/08_reporting/data_quality.html · next: open the report, or `kedro mlflow ui` for the registry"
    )


def test_a_challenger_that_lost(tmp_path: Path, verdict: dict[str, object]) -> None:
    record = {**verdict, "champion_version": 2, "reasons": ["not better by 0.002"]}
    (tmp_path / "data/acme/08_reporting/verdict.json").write_text(json.dumps(record))
    assert "version 3 (roc_auc 0.7432) did not replace the champion: not better by 0.002" in summary(
        tmp_path, "acme", {"verdict"}
    )


def test_a_run_that_made_neither_says_nothing(tmp_path: Path) -> None:
    assert summary(tmp_path, "acme", {"raw"}) == ""
