"""The numbers of a report on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kedro.io import DatasetError

from workbench.clients.reporting import SLOT
from workbench.datasets import LastNumbers, ReportNumbers


def test_what_is_saved_is_what_the_next_report_compares_with(tmp_path: Path) -> None:
    last = LastNumbers(client="acme", report="weekly", path=str(tmp_path))
    saved = ReportNumbers(filepath=str(tmp_path / "acme" / "08_reporting" / "weekly.tables"))
    assert last.load() is None
    numbers = {"about": {"made": "x"}, "rows": [{"a": "ü", "b": 0.1}]}
    saved.save(numbers)
    assert last.load() == saved.load() == numbers
    saved.save({"rows": []})
    assert last.load() == {"rows": []}, "a table that is no longer there is gone"


def test_what_a_slots_report_was_compared_with_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = ReportNumbers(filepath=str(tmp_path / "weekly.tables"))
    compared = tmp_path / "weekly.tables" / "compared_with.json"
    saved.save({"rows": [1]})
    saved.save({"rows": [1]})
    assert not compared.exists(), "the same numbers are the same bytes, whatever lay there before"
    monkeypatch.setenv(SLOT, "weekly/1")
    saved.save({"rows": [2]})
    assert json.loads(compared.read_text()) == {"rows": [1]}
    assert saved.load() == {"rows": [2]}, "it is no table of the report's own"


def test_a_slot_that_is_begun_again_compares_with_the_slot_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first attempt that was killed after it had rendered was delivered to nobody."""
    last = LastNumbers(client="acme", report="weekly", path=str(tmp_path))
    saved = ReportNumbers(filepath=str(tmp_path / "acme" / "08_reporting" / "weekly.tables"))

    def attempt(slot: str, value: int) -> list[int] | None:
        monkeypatch.setenv(SLOT, slot)
        before = last.load()
        saved.save({"about": {"slot": slot}, "rows": [value]})
        return before and before["rows"]

    assert [attempt("weekly/1", value) for value in (1, 2, 3)] == [None, None, None], (
        "the first slot has none before it"
    )
    assert [attempt("weekly/2", value) for value in (4, 5, 6)] == [[3], [3], [3]]
    assert attempt("weekly/3", 7) == [6]
    assert attempt("daily/3", 8) == [7], "another schedule is another slot"
    monkeypatch.delenv(SLOT)
    assert last.load()["rows"] == [8], "by hand, it is the last one, whoever asked for that"


def test_a_damaged_last_report_counts_as_none(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "08_reporting" / "weekly.tables"
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text("{")
    assert LastNumbers(client="acme", report="weekly", path=str(tmp_path)).load() is None


def test_a_failed_save_leaves_the_old_numbers(tmp_path: Path) -> None:
    saved = ReportNumbers(filepath=str(tmp_path / "weekly.tables"))
    saved.save({"rows": [1]})
    for wrong in ({"rows": [2], "x": float("nan")}, {"rows": [2], "../x": []}):
        with pytest.raises((DatasetError, ValueError)):
            saved.save(wrong)
        assert saved.load() == {"rows": [1]}
    assert [path.name for path in tmp_path.iterdir()] == ["weekly.tables"]
