"""Opening a client outside of ``kedro run``; switching is tested by ``test_magic``, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.engines import connection
from workbench.errors import ConfigurationError, UnknownClient
from workbench.notebook import open_client, report_inputs
from workbench.notebook.session import forget_client, project_here
from workbench.reports import HandedInputs


def test_an_unknown_client_is_refused_before_anything_is_closed(project: Path) -> None:
    table = connection().create_table("still_here", {"a": [1]}, overwrite=True)
    for name in ("clinik", "../clinic", ""):
        with pytest.raises(UnknownClient):
            open_client(name, project)
    assert table.count().execute() == 1


def test_forgetting_closes_the_tables_and_opens_a_new_engine() -> None:
    table = connection().create_table("gone", {"a": [1]}, overwrite=True)
    forget_client()
    with pytest.raises(Exception, match="(?i)clos"):
        table.count().execute()
    assert connection().create_table("new", {"a": [1]}).count().execute() == 1
    forget_client()
    forget_client()


def test_the_project_is_found_from_any_folder_in_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "notebooks" / "explore")
    assert project_here() == project
    monkeypatch.chdir(project.parent)
    with pytest.raises(ConfigurationError, match="lies in no project"):
        project_here()


def test_a_rendered_report_reads_what_it_was_handed(tmp_path: Path) -> None:
    inputs = report_inputs("any", str(tmp_path))
    assert isinstance(inputs, HandedInputs)
    assert inputs.folder == tmp_path
