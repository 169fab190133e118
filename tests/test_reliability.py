"""The page on faults tells the truth: every test that it names is there, and no fault is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
TABLES = sorted((ROOT / "tests" / "faults").glob("test_bad_*.py"))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[f"{path}::{name}" for path, name in NAMED])
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    functions = [node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert name in functions


def rows() -> dict[int, list[str]]:
    """Number of a fault to the cells of its row."""
    found: dict[int, list[str]] = {}
    for line in PAGE.splitlines():
        if match := re.match(r"\| (\d+)(?:–(\d+))? \|", line):
            first, last = int(match[1]), int(match[2] or match[1])
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            found |= dict.fromkeys(range(first, last + 1), cells)
    return found


def test_every_fault_has_its_row_or_a_reason() -> None:
    apart = set()
    for line in re.findall(r"^- (\d\d\b.*(?:\n  .*)*)", PAGE, re.MULTILINE):
        for first, last in re.findall(r"\b(\d\d)(?:–(\d\d))?\b", line):
            apart |= set(range(int(first), int(last or first) + 1))
    assert sorted(set(range(1, 97)) - rows().keys() - apart) == []
    assert [number for number, cells in rows().items() if not cells[3] and "see …" not in cells[2]] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_a_fault_of_a_table_is_one_of_the_page(table: Path) -> None:
    numbers = set()
    for node in ast.walk(ast.parse(table.read_text())):
        calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0].isupper()
        values = node.args[:1] if calls else (node.elts[:1] if isinstance(node, ast.Tuple) else [])
        numbers |= {value.value for value in values if isinstance(value, ast.Constant) and type(value.value) is int}
    assert [number for number in numbers if number not in rows()] == []
