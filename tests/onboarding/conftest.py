"""Tables as clients send them, and a project that has no such client."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """``write_csv("orders.csv", {"id": [1, 2], …}, delimiter=";", encoding="latin-1")``."""

    def write(name: str, columns: dict[str, list[Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
        path = tmp_path / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding=encoding) as stream:
            writer = csv.writer(stream, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    return write


@pytest.fixture
def loans() -> dict[str, list[Any]]:
    """Four hundred loans: a key, a person, a time, numbers with gaps, and what became of them."""
    rng = random.Random(3)
    rows = range(400)
    income = [rng.gauss(40, 10) for _ in rows]
    return {
        "Loan ID": [f"L{row:05}" for row in rows],
        "Customer Name": [f"Müller {row}" for row in rows],
        "Contact": [f"m{row}@example.org" for row in rows],
        "Applied On": [f"2024-{1 + row // 40:02}-{1 + row % 28:02}" for row in rows],
        "Birth Date": [f"19{50 + row % 50}-01-01" for row in rows],
        "Region": [rng.choice(["Nord", "Süd", "Ost"]) for _ in rows],
        "Income (k€)": ["" if row % 20 == 0 else f"{value:.2f}" for row, value in zip(rows, income, strict=True)],
        "Paid?": ["yes" if value + rng.gauss(0, 5) > 40 else "no" for value in income],
    }
