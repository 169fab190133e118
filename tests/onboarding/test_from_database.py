"""``kedro client add --from <database>``: a client whose table stays where it is, or is copied if it is a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.client import client
from workbench.clients import ClientRegistry


def invoke(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(client, ["add", *arguments], obj=SimpleNamespace(project_path=project))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "inbox" / "shop.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute('CREATE TABLE "Loan Book" (id TEXT, "Applied On" TEXT, income REAL, "Paid?" INTEGER)')
        rows = [
            (f"L{n}", f"2024-01-{1 + n % 28:02}", (n * 37) % 101 + 0.5, int((n * 37) % 101 > 50)) for n in range(600)
        ]
        db.executemany('INSERT INTO "Loan Book" VALUES (?, ?, ?, ?)', rows)
        db.execute("CREATE TABLE regions (region TEXT)")
    return path


def test_a_table_is_found_by_its_target(project: Path, shop: Path) -> None:
    result = invoke(project, "acme", "--from", f"sqlite:///{shop}", "--target", "Paid?", "--no-smoke")
    assert result.exit_code == 0, result.output
    one = ClientRegistry(project).load("acme")
    source: Any = one.sources["loan_book"]
    assert (source.kind, source.url, source.table) == (
        "database",
        "sqlite:///data/acme/00_landing/shop.db",
        "Loan Book",
    )
    assert (one.target, one.key, one.time_column, one.task) == ("paid", ("id",), "applied_on", "binary")
    assert "regions" in (project / "conf/clients/acme/client.yml").read_text()
    assert (project / "data/acme/00_landing/shop.db").is_file()


def test_wrong_addresses_are_sentences(tmp_path: Path, shop: Path) -> None:
    for url, target, said in (
        ("postgresql://me:hunter2@host/db", "x", "give --user <name>, and --password <NAME>"),
        ("mysql://host/db", "x", "is none of postgresql://host/database and sqlite:///file"),
        (f"sqlite:///{shop}", "Payd?", "did you mean 'Paid?'"),
        (f"sqlite:///{shop}x", "x", "did you mean 'shop.db'"),
    ):
        result = invoke(tmp_path, "acme", "--from", url, "--target", target)
        assert result.exit_code == 1
        assert said in result.output
        assert "hunter2" not in result.output
    result = invoke(tmp_path, "acme", "--from", f"sqlite:///{shop}", "--target", "Paid?", "--table", "regionz")
    assert "did you mean 'regions'" in result.output


@pytest.mark.slow
def test_it_runs(project: Path, shop: Path, kedro: Callable[..., Any]) -> None:
    said = kedro(project, "client", "add", "acme", "--from", f"sqlite:///{shop}", "--target", "Paid?").stdout
    assert "✓ all pipelines on a sample of 600 rows" in said
    kedro(project, "run", "--pipelines", "ingest,prepare", "--env", "clients/acme")
