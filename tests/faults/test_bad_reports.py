"""What is shown and exported: no text of a client's runs anywhere, and what was damaged on disk is said so."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from kedro.io import DatasetError

from workbench.datasets import CsvTable, JsonRecord
from workbench.errors import WorkbenchError
from workbench.reports.parameters import Parameter, bind
from workbench.reports.sanitise import sanitise

FORMULAS = {
    "equals": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "a tab": "\t=1",
    "a return": "\r=1",
    "an apostrophe of its own": "'=1",
    "two apostrophes": "''=1",
    "a number below zero": "-7",
    "text": "Basel",
    "an apostrophe": "'t Veld",
    "nothing": None,
}


@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
def test_no_cell_of_an_export_is_a_formula(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "segments.csv"
    table = pa.table({"value": pa.array([text, "other"]), "rows": [-1, 2]})
    CsvTable(filepath=str(path)).save(table)
    with path.open(newline="") as stream:
        cell, number = list(csv.reader(stream))[1]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert number == "-1", "a number is not text"
    assert CsvTable(filepath=str(path)).load().to_pylist() == (
        table.to_pylist() if text is not None else [{"value": "", "rows": -1}, {"value": "other", "rows": 2}]
    )


DAMAGED: dict[str, tuple[type[JsonRecord | CsvTable], bytes, str]] = {
    "JSON cut at its end": (JsonRecord, b'{"a": 1', "is not JSON"),
    "JSON that is empty": (JsonRecord, b"", "is not JSON"),
    "JSON that is a list": (JsonRecord, b"[1]", "is not a JSON object"),
    "JSON of brackets": (JsonRecord, b"[" * 100_000, "is not JSON"),
    "JSON that is no text": (JsonRecord, b"\xff\xfe", "is not JSON"),
    "CSV that is empty": (CsvTable, b"", "is not CSV"),
    "CSV that is ragged": (CsvTable, b"a,b\n1\n", "is not CSV"),
}


@pytest.mark.parametrize(("kind", "content", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_result_that_was_damaged(
    kind: type[JsonRecord | CsvTable], content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "result"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        kind(filepath=str(path)).load()
    assert str(caught.value.__cause__) == (
        f"{path}: {said}. Next: make it again with `kedro run`, or bring it back with `dvc checkout`"
    )
    assert path.read_bytes() == content


TEXT = {"title": Parameter("title", "str", "")}
INJECTED: dict[str, tuple[Callable[[], object], str]] = {
    "a name that is code": (
        lambda: bind(TEXT, {"title = 1\nimport os": "x"}, where="report x"),
        "report x: unknown parameter 'title = 1\\nimport os' (tried: title). Next: run `kedro report list --json`",
    ),
    "a name that is a template": (
        lambda: bind(TEXT, {"{{ 7 * 7 }}": "x"}, where="report x"),
        "report x: unknown parameter '{{ 7 * 7 }}' (tried: title). Next: run `kedro report list --json`",
    ),
    "a value with a NUL": (
        lambda: bind(TEXT, {"title": "a\0b"}, where="report x"),
        "report x: parameter 'title' must have at most 4096 characters, and no NUL",
    ),
}


@pytest.mark.parametrize(("act", "said"), INJECTED.values(), ids=INJECTED)
def test_a_parameter_of_a_report(act: Callable[[], object], said: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        act()
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{0.__class__}", "${oc.env:HOME}", "%(message)s", "=1+1"])
def test_a_template_in_an_output_stays_text(text: str) -> None:
    assert sanitise(f"<p>{text}</p>") == f"<p>{text}</p>"
