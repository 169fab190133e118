"""What one client may read and write: nothing of ``acme_2`` is ``acme``'s, by name, by prefix, by case, or by a link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients.roots import owner_of_path, refuse_another_clients
from workbench.datasets.models import ModelFolder
from workbench.datasets.project import ClientFiles
from workbench.datasets.records import CsvTable, JsonRecord, TextFile
from workbench.datasets.tables import ParquetTable, TableFolder
from workbench.errors import ConfigurationError, ModelError, WorkbenchError
from workbench.registry.local_store import artifacts, uri
from workbench.registry.store import Store
from workbench.sources.paths import find_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for client in ("acme", "acme_2"):
        (tmp_path / "conf/clients" / client).mkdir(parents=True)
        (tmp_path / "conf/clients" / client / "client.yml").write_text(f"id: {client}\n")
        for folder in ("data", "models", "deliveries", ".mlflow/artifacts"):
            (tmp_path / folder / client / "01_raw").mkdir(parents=True)
            (tmp_path / folder / client / "01_raw" / "x.csv").write_text(f"a\n{client}\n")
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming/x.csv").write_text("a\n1\n")
    return tmp_path


def opening(project: Path) -> SimpleNamespace:
    return SimpleNamespace(project=project, client="acme", where="client acme, table x")


ANOTHERS = [
    "data/acme_2/01_raw/x.csv", "data/*/01_raw/x.csv", "data/acme*/01_raw/x.csv", "models/acme_2/01_raw/x.csv",
    "models/*/01_raw/x.csv", "deliveries/acme_2/01_raw/x.csv", ".mlflow/artifacts/acme_2/01_raw/x.csv",
    ".mlflow/artifacts/acme/01_raw/x.csv", "conf/clients/acme_2/client.yml", "./data/acme_2/01_raw/x.csv",
    "data//acme_2/01_raw/x.csv", "**/acme_2/**/x.csv", "**/x.csv",
]  # fmt: skip


@pytest.mark.parametrize("path", ANOTHERS)
def test_a_source_reads_nothing_of_another_client(project: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="another client's|project's own"):
        find_files(path, opening(project))


@pytest.mark.parametrize(
    "path", ["data/acme/01_raw/x.csv", "data/acme/*/x.csv", "incoming/x.csv", "models/acme/01_raw/x.csv"]
)
def test_a_source_reads_what_is_its_own_or_nobodys(project: Path, path: str) -> None:
    assert find_files(path, opening(project)) == [next(project.glob(path))]


@pytest.mark.parametrize("path", [one for one in ANOTHERS if "*" not in one])
def test_a_setting_of_a_pipeline_names_nothing_of_another_client(project: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="another client's|project's own"):
        ClientFiles("acme", project).path(path, "tune.examples.file")


@given(
    st.sampled_from(["data", "Data", "DATA", "models", "Models", "deliveries"]),
    st.sampled_from(["acme_2", "ACME_2", "acme2", "acm", "acmee"]),
)
def test_no_spelling_of_another_is_ones_own(folder: str, client: str) -> None:
    with pytest.raises(ConfigurationError, match="another client's"):
        refuse_another_clients(Path("/nowhere"), "acme", Path(folder, client, "x.csv"), "")


LINKS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "a file of another client": lambda p: ("data/acme/01_raw/y.csv", str(p / "data/acme_2/01_raw/x.csv")),
    "a relative way up": lambda p: ("data/acme/01_raw/y.csv", "../../acme_2/01_raw/x.csv"),
    "a file of the system": lambda p: ("data/acme/01_raw/y.csv", "/etc/hostname"),
    "nothing, in another client": lambda p: ("data/acme/01_raw/y.csv", str(p / "data/acme_2/new.csv")),
    "a folder of another client": lambda p: ("data/acme/02", str(p / "data/acme_2/01_raw")),
    "a model of another client": lambda p: ("models/acme/02", str(p / "models/acme_2/01_raw")),
    "the whole of another client": lambda p: ("data/acme", str(p / "data/acme_2")),
    "a link to a link": lambda p: ("data/acme/01_raw/y.csv", str(chain(p))),
}


DATA = {TableFolder: {}, ModelFolder: SimpleNamespace(save=lambda folder: (folder / "new").touch())}


def chain(project: Path) -> Path:
    link = project / "incoming/link"
    link.symlink_to(project / "data/acme_2/01_raw/x.csv")
    return link


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_no_link_leads_a_dataset_or_a_source_out_of_its_client(
    project: Path, link: Callable[[Path], tuple[str, str]]
) -> None:
    name, target = link(project)
    path = project / name
    if path.is_dir():
        path.rename(project / "aside")
    path.symlink_to(target)
    file = path if path.suffix or not path.is_dir() else next(path.rglob("*.csv"))
    before = {one: one.read_bytes() for one in (project / "data/acme_2").rglob("*.csv")}
    datasets = [kind(filepath=str(file)) for kind in (TextFile, CsvTable, JsonRecord, ParquetTable)]
    datasets += [kind(filepath=str(file.parent)) for kind in (TableFolder, ModelFolder)]
    for dataset in datasets:
        with pytest.raises(Exception, match=r"a link leads out|does not exist"):
            dataset.load()
        with pytest.raises(Exception, match="a link leads out") as caught:
            dataset.save(DATA.get(type(dataset), "text"))
        assert isinstance(caught.value, WorkbenchError) or isinstance(caught.value.__cause__, WorkbenchError)
    if file.exists():
        with pytest.raises(ConfigurationError):
            find_files(str(file.relative_to(project)), opening(project))
        with pytest.raises(ConfigurationError):
            find_files(f"{file.parent.relative_to(project)}/*.csv", opening(project))
    assert {one: one.read_bytes() for one in (project / "data/acme_2").rglob("*.csv")} == before


def test_a_link_within_the_client_or_of_the_whole_disk_is_no_way_out(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (project / "data/acme/latest.csv").symlink_to(project / "data/acme/01_raw/x.csv")
    assert TextFile(filepath=str(project / "data/acme/latest.csv")).load() == "a\nacme\n"
    disk = tmp_path_factory.mktemp("disk") / "data"
    (project / "data").rename(disk)
    (project / "data").symlink_to(disk)
    assert TextFile(filepath=str(project / "data/acme/01_raw/x.csv")).load() == "a\nacme\n"
    with pytest.raises(ConfigurationError, match="another client's"):
        find_files("data/acme_2/01_raw/x.csv", opening(project))
    (project / "incoming/y.csv").symlink_to(disk / "acme_2/01_raw/x.csv")
    with pytest.raises(ConfigurationError, match="another client's"):
        find_files("incoming/y.csv", opening(project))


def test_whose_a_path_is_follows_from_its_parts(project: Path) -> None:
    assert owner_of_path(project / "data/acme_2/01_raw/x.csv") == (project, "acme_2")
    assert owner_of_path(project / "data/acme/models/acme_3/x.csv") == (project, "acme")
    assert owner_of_path(project / "data/acme_3/x.csv") is None
    assert owner_of_path(project / "incoming/x.csv") is None


ARTIFACTS = {
    "another client's": "{root}/acme_2/run/artifacts",
    "a sibling's by its prefix": "{root}/acme_2",
    "out of the store": "/etc",
    "a way up": "{root}/acme/../acme_2/run",
    "encoded": "{root}/acme/%2e%2e/acme_2/run",
    "encoded twice": "{root}/acme/%252e%252e/acme_2/run",
    "by a file URI": "file://{root}/acme_2/run",
    "a fragment": "{root}/acme/run#/../../acme_2",
    "a query": "{root}/acme/run?x=/../../acme_2",
    "by a link": "{root}/acme/link/run",
}


@pytest.mark.parametrize("artifact", ARTIFACTS.values(), ids=ARTIFACTS.keys())
def test_a_models_artifact_is_never_another_clients(project: Path, artifact: str) -> None:
    root = artifacts(project)
    (root / "acme/link").symlink_to(root / "acme_2")
    store = Store(project, uri(project), None)
    store.refuse_anothers_artifact("acme", f"{root}/acme/run/artifacts/model")
    with pytest.raises(ModelError, match="does not lie where this client's do"):
        store.refuse_anothers_artifact("acme", artifact.format(root=root))
