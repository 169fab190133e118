"""The last verdict, for who shows it: what cannot be read is none, and breaks no page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.datasets import LastVerdict
from workbench.fleet.table import of_verdicts
from workbench.monitoring.latest import latest

RECORD: dict[str, Any] = {
    "client": "acme", "verdict": "watch", "version": 3, "made": "2026-11-30T12:00:00+00:00",
    "reasons": [{"sentence": "The newest row is old."}],
}  # fmt: skip


def write(project: Path, record: Any, client: str = "acme") -> Path:
    path = project / "data" / client / "08_reporting/monitor.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    return path


def test_it_is_told_with_its_first_reason(tmp_path: Path) -> None:
    write(tmp_path, RECORD)
    found = latest(tmp_path, "acme")
    assert found is not None
    assert found.to_dict() == {
        "verdict": "watch", "version": 3, "made": "2026-11-30T12:00:00+00:00", "reason": "The newest row is old.",
    }  # fmt: skip
    assert LastVerdict(client="acme", path=str(tmp_path / "data")).load() == found.to_dict()
    said = of_verdicts({"acme": found, "beta": None})
    assert "acme, monitor:" in said
    assert said.endswith("The newest row is old.")
    assert "beta" not in said


@pytest.mark.parametrize(
    "record",
    ["", "{", "[]", "[" * 100_000, {}, RECORD | {"verdict": "fine"}, RECORD | {"reasons": None},
     RECORD | {"reasons": [{}]}, RECORD | {"version": "x"}, RECORD | {"client": "acme_2"}],
)  # fmt: skip
def test_what_is_no_verdict_of_this_client_is_none(tmp_path: Path, record: Any) -> None:
    write(tmp_path, record)
    assert latest(tmp_path, "acme") is None
    assert LastVerdict(client="acme", path=str(tmp_path / "data")).load() is None


def test_a_client_that_was_never_looked_at_has_none(tmp_path: Path) -> None:
    assert latest(tmp_path, "acme") is None
    assert of_verdicts({"acme": None}) == ""


def test_a_link_to_another_clients_verdict_is_not_followed(tmp_path: Path) -> None:
    other = write(tmp_path, RECORD, "acme_2")
    path = tmp_path / "data/acme/08_reporting/monitor.json"
    path.parent.mkdir(parents=True)
    path.symlink_to(other)
    assert latest(tmp_path, "acme") is None
