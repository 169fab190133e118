"""A path in client.yml names files of the project, and no other client's."""

from __future__ import annotations

import pytest

from workbench.clients.sources import CsvSource
from workbench.errors import ConfigurationError, DataError
from workbench.sources import open_source
from workbench.sources.paths import find_files


def test_a_missing_file_names_what_lies_there(opening):
    (opening.project / "in").mkdir()
    (opening.project / "in" / "persons.csv").write_text("id\n1\n")
    with pytest.raises(DataError) as raised:
        open_source(CsvSource(kind="csv", path="in/person.csv"), opening)
    assert str(raised.value) == (
        f"client acme, table people: no file is at 'in/person.csv' (tried: {opening.project}/in/person.csv). "
        "Next: did you mean 'persons.csv'?"
    )


def test_a_missing_file_in_a_missing_folder(opening):
    with pytest.raises(DataError, match=r"Next: bring the file, or correct `path` in client\.yml"):
        find_files("nowhere/*.csv", opening)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.csv", "a/../../x.csv", "a\0b", "."])
def test_a_path_does_not_leave_the_project(opening, path):
    with pytest.raises(ConfigurationError) as raised:
        find_files(path, opening)
    assert str(raised.value) == (
        f"client acme, table people: path {path!r} leads out of the folder it is relative to. "
        "Next: give a path without a leading `/` and without `..`"
    )


@pytest.mark.parametrize("pattern", ["data/acme_2/x.csv", "data/*/x.csv", "**/x.csv", "data/x.csv"])
def test_another_clients_data_is_out_of_reach(opening, pattern):
    for folder in ("data/acme_2", "data/acme", "data"):
        (opening.project / folder).mkdir(parents=True, exist_ok=True)
        (opening.project / folder / "x.csv").write_text("id\n1\n")
    with pytest.raises(ConfigurationError, match="is another client's"):
        find_files(pattern, opening)
    assert find_files("data/acme/*.csv", opening) == [opening.project / "data/acme/x.csv"]


def test_a_file_may_be_called_data(opening):
    (opening.project / "data").write_text("id\n1\n")
    assert find_files("data", opening) == [opening.project / "data"]
