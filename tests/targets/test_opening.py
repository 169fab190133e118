"""From a client's configuration to what is opened, and what is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.clients.targets import LocalTarget
from workbench.errors import ConfigurationError
from workbench.targets import opening
from workbench.targets.book import Book, Rollout, refuse_deployed
from workbench.targets.release import Release
from workbench.targets.smoke import smoke

CLIENT: Any = SimpleNamespace(
    id="alpha", deploy={"laptop": LocalTarget(kind="local"), "cloud": LocalTarget(kind="local")}
)
NONE: Any = SimpleNamespace(id="alpha", deploy={})
TABLES: Any = SimpleNamespace(kind="local")


def test_a_name_that_is_no_target_is_answered_with_the_next() -> None:
    assert opening.settings_of(NONE, "local").kind == "local"
    with pytest.raises(ConfigurationError, match=r"no target 'laptpo' \(tried: cloud, laptop\).*did you mean 'laptop'"):
        opening.settings_of(CLIENT, "laptpo")
    with pytest.raises(ConfigurationError, match="no target 'xyz'.*name it under `deploy` in client.yml"):
        opening.settings_of(CLIENT, "xyz")


def test_models_of_tables_are_compared_by_their_numbers_and_supersede_nothing(tmp_path: Path) -> None:
    assert opening._comparison(tmp_path, CLIENT, TABLES) is smoke
    nobody: Any = None
    opening._superseding(tmp_path, TABLES, nobody)(Release("alpha", 3))


def test_what_a_target_of_tables_serves_is_the_clients_own_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ClientRegistry", lambda _: SimpleNamespace(load=lambda _: CLIENT))
    monkeypatch.setattr(opening, "release_of", lambda *asked: asked)
    assert opening.release_for(tmp_path, "alpha", "laptop", 3) == (tmp_path, "alpha", 3)


def test_without_a_ledger_nothing_is_deployed_and_none_is_made(tmp_path: Path) -> None:
    refuse_deployed(tmp_path, "alpha")
    book = Book(tmp_path, "alpha", "laptop")
    assert (book.resources(), book.find("server", "x"), book.rollout()) == ([], None, Rollout())
    assert list(tmp_path.iterdir()) == []
