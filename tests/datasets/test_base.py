"""What all datasets have from their bases: arguments, a description, an answer to "is it there", one way to say no."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from kedro.io import AbstractDataset, DataCatalog, DatasetError

from workbench import datasets
from workbench.clients.yaml_files import read_yaml
from workbench.datasets import Champion, ClientRecord, PrimaryTable, Promise, RetrainMark, SourceTables
from workbench.datasets.base import ClientDataset, ClientPathDataset

ROOT = Path(__file__).parents[2]


def catalog(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of the base catalog, as they are for the client clinic of a project in that folder."""
    text = (ROOT / "conf/base/catalog.yml").read_text().replace("${globals:client}", "clinic")
    file = folder / "catalog.yml"
    file.write_text(text)
    entries: dict[str, dict[str, Any]] = read_yaml(file).data
    for entry in entries.values():
        for key in ("path", "filepath"):
            if key in entry:
                entry[key] = str(folder / entry[key])
    return {name: entry for name, entry in entries.items() if "{" not in name and not name.startswith("_")}


def test_what_a_catalog_was_made_of_can_be_asked_of_it(tmp_path: Path) -> None:
    entries = catalog(tmp_path)
    loaded = DataCatalog.from_config(entries)
    for name in loaded:
        assert loaded[name] is not None  # until then Kedro has made nothing of the entry
    config, *_ = loaded.to_config()
    ours = {name: entry for name, entry in entries.items() if entry["type"].startswith("workbench.")}
    assert len(ours) > 30
    for name, entry in ours.items():
        kind = getattr(datasets, entry["type"].rpartition(".")[2])
        wanted = {key: value for key, value in entry.items() if key != "metadata"}
        wanted["type"] = f"{kind.__module__}.{kind.__name__}"
        assert config[name] == wanted, name


def test_each_says_what_it_is_and_whether_it_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = DataCatalog.from_config(catalog(tmp_path))
    with caplog.at_level(logging.WARNING):
        for name in loaded:
            dataset = loaded[name]
            assert isinstance(dataset, AbstractDataset)
            assert repr(dataset).startswith(f"{type(dataset).__module__}.{type(dataset).__name__}("), name
            dataset.exists()
    assert not caplog.records, "Kedro warns of a dataset that cannot say so"


@pytest.mark.parametrize("kind", [Champion, ClientRecord, Promise, RetrainMark, SourceTables])
def test_what_is_of_a_client_says_whose_it_is(tmp_path: Path, kind: type[ClientDataset[Any, Any]]) -> None:
    dataset = kind(client="clinic", path=str(tmp_path / "conf"), metadata={"about": "a test"})
    assert (dataset._client, dataset._project) == ("clinic", tmp_path)
    assert dataset._describe()["client"] == "clinic"
    assert dataset.metadata == {"about": "a test"}


def test_a_file_of_a_client_knows_both(tmp_path: Path) -> None:
    dataset: ClientPathDataset[Any, Any] = PrimaryTable(
        filepath=str(tmp_path / "primary.parquet"), client="clinic", path=str(tmp_path / "conf")
    )
    assert (dataset._client, dataset._project, dataset.path) == ("clinic", tmp_path, tmp_path / "primary.parquet")
    assert dataset._describe() == {"filepath": str(tmp_path / "primary.parquet")}


@pytest.mark.parametrize("kind", [ClientRecord, Promise, SourceTables])
def test_what_a_run_only_reads_takes_nothing(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(DatasetError, match=f"{kind.__name__} is read only"):
        kind(client="clinic", path=str(tmp_path / "conf")).save({})
