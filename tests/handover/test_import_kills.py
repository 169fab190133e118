"""An import is killed at any point, and the next one of the same archive ends as if nothing had been."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from call_killing import NEVER, told_by

from workbench.handover.archive import export_client

Strike = Callable[[list[int]], list[dict[str, Any]]]


@pytest.fixture
def strike(two_clients: Path, tmp_path: Path) -> Strike:
    """Kill an import at each of some places, and give it again."""
    archive = export_client(two_clients, "clinic", tmp_path / "clinic.tar.gz", with_data=True).path

    def run(places: list[int]) -> list[dict[str, Any]]:
        asked = {"template": str(two_clients), "archive": str(archive), "folder": str(tmp_path), "places": places}
        return told_by(Path(__file__).with_name("import_killing.py"), asked, timeout=3000)

    return run


def check(one: dict[str, Any], whole: dict[str, Any]) -> None:
    """As an import that nobody killed leaves it."""
    assert one["struck"]["killed"], one
    assert one["again"] == {"result": "clinic_2", "calls": 0, "killed": False} or (
        # It had ended: there was nothing left to do but to give back the locks.
        one["client_was_there"] and "there is a client 'clinic_2' already" in one["again"]["error"]
    ), one
    expected, found = whole["state"]["result"], one["state"]["result"]
    assert found["files"] == expected["files"]
    assert found["rows"] == expected["rows"]
    assert found["left"] == []
    assert found["audited"]


def places_of(whole: dict[str, Any], number: int) -> list[int]:
    """Some places, evenly over all that there are in a run that nobody kills, and each of the last eight."""
    calls = whole["struck"]["calls"]
    assert calls > 50
    return sorted({1 + place * (calls - 1) // number for place in range(number)} | set(range(calls - 7, calls + 1)))


@pytest.mark.slow
@pytest.mark.integration
def test_killed_anywhere_the_next_import_ends_it(strike: Strike) -> None:
    (whole,) = strike([NEVER])
    assert whole["struck"]["result"] == "clinic_2", whole
    found = strike(places_of(whole, int(os.environ.get("IMPORT_KILLS", "10"))))
    for one in found:
        check(one, whole)
    ended = [one["client_was_there"] for one in found]
    assert any(ended), "killed after the configuration is there"
    assert not all(ended), "and before"
