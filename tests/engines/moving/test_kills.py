"""A move is killed at any point of any of its commands, and the next command makes it whole: on, or back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from call_killing import NEVER, told_by

from workbench.clients.editing import with_key

Strike = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def strike(stood: Callable[[str], Any], tmp_path: Path, postgres: dict[str, Any]) -> Strike:
    """Kill a command at each of some places, and repair what it left."""

    def run(command: str, repair: list[str], before: list[str], places: list[int]) -> list[dict[str, Any]]:
        asked = {
            "template": str(stood("clinic").project),
            "folder": str(tmp_path),
            "client": "clinic",
            "engine": postgres,
            "before": before,
            "command": command,
            "repair": repair,
            "places": places,
        }
        return told_by(Path(__file__).with_name("move_killing.py"), asked, timeout=500)

    return run


def spread(strike: Strike, number: int, command: str, repair: list[str], before: list[str]) -> list[dict[str, Any]]:
    """Kill at some places, evenly over all that there are in a run that nobody kills."""
    (whole,) = strike(command, [], before, [NEVER])
    calls = whole["struck"]["calls"]
    assert calls > 50
    places = sorted({1 + place * (calls - 1) // number for place in range(number)})
    found = strike(command, repair, before, places)
    assert all(one["struck"]["killed"] for one in found)
    return found


def check_forward(one: dict[str, Any], whole: dict[str, Any]) -> None:
    """On the new engine, with every row, and nothing left behind."""
    refused = one["repaired"][0].get("error", "")
    assert not refused or "no move was begun" in refused, one  # it had ended before it was killed
    state = one["state"]["result"]
    settings = {key: value for key, value in whole["settings"].items() if key != "namespace"}
    assert "engine: {kind: postgres" in state["file"], one
    assert with_key(state["file"], "engine", None, after="recipe", where=Path()) == whole["original"]
    assert settings["host"] in state["file"]
    assert state["rows"] == {"primary": 569, "samples": 569}
    assert state["digests"] == whole["digests"]
    assert state["half_written"] == []
    assert "client.move.switched" in state["audit"]


def check_back(one: dict[str, Any], whole: dict[str, Any]) -> None:
    """As if nothing had been, but for what was killed while it was written, where nothing had begun."""
    refused = one["repaired"][0].get("error", "")
    assert not refused or "no move was begun" in refused, one  # it had not begun, or had ended, before it was killed
    state = one["state"]["result"]
    assert state["file"] == whole["original"], one
    assert state["journal"] is None
    assert state["names"] == []
    assert state["rows"] == {"primary": 569, "samples": 569}
    assert state["digests"] == whole["digests"]


@pytest.fixture
def whole(stood: Callable[[str], Any], postgres: dict[str, Any]) -> dict[str, Any]:
    """What must be there at the end."""
    from workbench.moving.digest import digest_of
    from workbench.moving.tables import tables_of

    desk = stood("clinic")
    tables = tables_of(desk.project, "clinic")
    return {
        "settings": postgres,
        "original": desk.file.read_text(),
        "digests": {table.label: digest_of(table.read(None)).digest for table in tables},
    }


@pytest.mark.slow
@pytest.mark.integration
def test_killed_while_it_moves_it_goes_on(strike: Strike, whole: dict[str, Any]) -> None:
    """One place of many; the slow tests take two dozen."""
    for one in strike("move", ["move"], [], [700]):
        assert one["struck"]["killed"]
        check_forward(one, whole)


@pytest.mark.slow
@pytest.mark.integration
def test_killed_anywhere_while_it_moves_it_goes_on(strike: Strike, whole: dict[str, Any]) -> None:
    for one in spread(strike, 24, "move", ["move"], []):
        check_forward(one, whole)


@pytest.mark.slow
@pytest.mark.integration
def test_killed_while_it_moves_it_goes_back(strike: Strike, whole: dict[str, Any]) -> None:
    for one in spread(strike, 24, "move", ["back"], []):
        check_back(one, whole)


@pytest.mark.slow
@pytest.mark.integration
def test_killed_while_it_goes_back_it_goes_back(strike: Strike, whole: dict[str, Any]) -> None:
    for one in spread(strike, 16, "back", ["back"], ["move"]):
        check_back(one, whole)


@pytest.mark.slow
@pytest.mark.integration
def test_killed_while_it_finishes_it_finishes(strike: Strike, whole: dict[str, Any]) -> None:
    for one in spread(strike, 16, "finish", ["finish"], ["move"]):
        check_forward(one, whole)
        assert one["state"]["result"]["journal"] is None
