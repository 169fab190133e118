"""The numbers of a report on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DatasetError

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
