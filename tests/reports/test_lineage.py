"""Where a version comes from: as much as the store knows, and never the reason why a report fails."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.errors import Transient
from workbench.reports import lineage

VERDICT = {"client": "acme", "version": 3, "run_id": "abc", "sha256": "def", "promote": True}
KNOWN = {"model": "acme", "version": 3, "run_id": "abc", "sha256": "def"}


def test_a_store_that_is_down_costs_the_details_only(monkeypatch, caplog) -> None:
    def down(*_: object) -> None:
        raise Transient("the server does not answer")

    monkeypatch.setattr(lineage, "_from_store", down)
    with caplog.at_level(logging.WARNING):
        assert lineage.lineage_of(Path(), VERDICT) == KNOWN
    assert "goes without the origin of version 3: the server does not answer" in caplog.text


def test_what_the_store_knows_is_added(monkeypatch) -> None:
    monkeypatch.setattr(lineage, "_from_store", lambda *_: {"commit": "c"})
    assert lineage.lineage_of(Path(), VERDICT) == KNOWN | {"commit": "c"}


def test_what_was_made_from_the_version_is_not_where_it_comes_from(monkeypatch) -> None:
    """The run that trained it may go on to score and to report, and reads the predictions for that."""

    def read(name: str) -> SimpleNamespace:
        dataset = SimpleNamespace(name=name, source='{"sha256": "a"}', profile='{"num_rows": 5}', digest="a")
        return SimpleNamespace(dataset=dataset)

    inputs = SimpleNamespace(dataset_inputs=[read("predictions"), read("raw.orders"), read("features")])
    run = SimpleNamespace(data=SimpleNamespace(tags={}), inputs=inputs)
    store = SimpleNamespace(uri="sqlite://", api=SimpleNamespace(get_run=lambda _: run))
    monkeypatch.setattr("workbench.registry.store.open_store", lambda _: store)
    assert [one["name"] for one in lineage.lineage_of(Path(), VERDICT)["tables"]] == ["features", "raw.orders"]


def test_another_error_is_not_hidden(monkeypatch) -> None:
    monkeypatch.setattr(lineage, "_from_store", lambda *_: {}["x"])
    with pytest.raises(KeyError):
        lineage.lineage_of(Path(), VERDICT)
