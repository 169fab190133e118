"""Files as they come: kinds, delimiters, encodings, names, and where they may lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ConfigurationError, DataError
from workbench.onboarding.origin import bring, find_tables, settings_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_how_a_csv_is_to_be_read(write_csv: Callable[..., Path], loans: Any, delimiter: str, encoding: str) -> None:
    loans["Note"] = ["a, b; c" for _ in loans["Loan ID"]]
    loans["Income (k€)"] = loans.pop("Income (k€)") if encoding != "latin-1" else loans["Region"]
    columns = {name.replace("€", "EUR"): values for name, values in loans.items()}
    (origin,) = find_tables(write_csv("loans.csv", columns, delimiter=delimiter, encoding=encoding))
    found = settings_of(origin)
    assert found.get("delimiter", ",") == delimiter
    assert found.get("encoding", "utf-8") == encoding.removesuffix("-sig")


def test_a_folder_holds_tables(write_csv: Callable[..., Path]) -> None:
    write_csv("Order Lines.csv", {"a": [1]})
    write_csv("2024.csv", {"a": [1]})
    (write_csv("notes.md", {"a": [1]}).parent / ".hidden.csv").write_text("a\n1\n")
    folder = write_csv("x.parquet", {"a": [1]}).parent
    assert [(one.table, one.kind) for one in find_tables(folder)] == [
        ("table_2024", "csv"), ("order_lines", "csv"), ("x", "parquet"),
    ]  # fmt: skip


def test_two_files_that_would_be_one_table(write_csv: Callable[..., Path]) -> None:
    write_csv("a b.csv", {"a": [1]})
    with pytest.raises(DataError, match="two files of .* would be table 'a_b'"):
        find_tables(write_csv("a_b.csv", {"a": [1]}).parent)


@pytest.mark.parametrize("name", ["nowhere.csv", "notes.docx"])
def test_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(DataError, match=r"Next: give a CSV or Parquet file"):
        find_tables(tmp_path / name)


def test_a_file_from_outside_is_copied_and_one_inside_stays(write_csv: Callable[..., Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "inbox").mkdir(parents=True)
    (outside,) = find_tables(write_csv("Über uns.csv", {"a": [1]}))
    assert bring(outside, project, "acme") == "data/acme/00_landing/_ber_uns.csv"
    assert (project / "data/acme/00_landing/_ber_uns.csv").read_bytes() == outside.path.read_bytes()
    (project / "inbox" / "a.csv").write_text("a\n1\n")
    (inside,) = find_tables(project / "inbox" / "a.csv")
    assert bring(inside, project, "acme") == "inbox/a.csv"


def test_another_clients_file_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "data" / "other" / "01_raw"
    own.mkdir(parents=True)
    (own / "a.csv").write_text("a\n1\n")
    (origin,) = find_tables(own / "a.csv")
    with pytest.raises(ConfigurationError, match="another client's"):
        bring(origin, tmp_path, "acme")
