"""Folders: whole or not there, and only where this client's reports may go."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from workbench.clients.delivery import FolderDelivery
from workbench.delivery.folder import ROOTS, FolderCourier
from workbench.delivery.index import index_page
from workbench.errors import ConfigurationError, DeliveryError, Unreachable, WorkbenchError


def courier(project: Path, path: str, **environ: str) -> FolderCourier:
    return FolderCourier(FolderDelivery(kind="folder", path=path), project=project, client="acme", environ=environ)


def test_a_slot_is_a_folder_and_the_index_links_to_it(tmp_path: Path, parcel: Any) -> None:
    made = courier(tmp_path, "site")
    for _ in range(2):
        folder = Path(made.send(parcel, "site"))
    assert folder == tmp_path / "deliveries/acme/site/weekly/20261124T060000Z"
    assert sorted(path.name for path in folder.iterdir()) == ["model_card.html", "model_card.pdf", "parcel.json"]
    index = (tmp_path / "deliveries/acme/site/index.html").read_text()
    links = re.findall(r'href="([^"#]+)"', index)
    assert links == [f"weekly/20261124T060000Z/model_card.{kind}" for kind in ("html", "pdf")]
    assert all((tmp_path / "deliveries/acme/site" / link).is_file() for link in links)
    assert "Acme &lt;Ltd&gt;" in index
    assert "default-src 'none'" in index


def test_the_index_lists_whole_slots_and_quotes_their_names(tmp_path: Path, parcel: Any) -> None:
    """A slot that is being written is in a hidden folder, and whole enough to be taken for one."""
    made = courier(tmp_path, "site")
    slot = Path(made.send(parcel, "site"))
    shutil.copytree(slot, slot.parent / ".staging-1-20261125T060000Z")
    record = json.loads((slot / "parcel.json").read_text())
    record["files"] = [record["files"][0] | {"name": "a #1?.html"}]
    (slot / "parcel.json").write_text(json.dumps(record))
    links = re.findall(r'href="([^"#]+[^"]*)"', index_page(tmp_path / "deliveries/acme/site", "Acme"))
    assert links == ["weekly/20261124T060000Z/a%20%231%3F.html"]


def test_what_a_killed_delivery_left_is_removed(tmp_path: Path, parcel: Any) -> None:
    made = courier(tmp_path, "site")
    folder = Path(made.send(parcel, "site")).parent
    (folder / ".staging-1234-20261124T060000Z").mkdir()
    made.send(parcel, "site")
    assert [path.name for path in folder.iterdir()] == ["20261124T060000Z"]


@pytest.mark.parametrize("path", ["../other", "..", "a/../../other", "/etc", "/"])
def test_no_way_out(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"client acme, deliver: reports may not go to"):
        courier(tmp_path, path)


def test_a_link_is_no_way_out(tmp_path: Path) -> None:
    own = tmp_path / "deliveries" / "acme"
    own.mkdir(parents=True)
    (own / "site").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="may not go to"):
        courier(tmp_path, "site")


def test_the_operator_may_name_a_share(tmp_path: Path, parcel: Any) -> None:
    share = tmp_path / "share"
    made = courier(tmp_path, f"{share}/acme", **{ROOTS: f"/nowhere{os.pathsep}{share}"})
    assert Path(made.send(parcel, "x")).is_relative_to(share / "acme")
    with pytest.raises(ConfigurationError, match="may not go to"):
        courier(tmp_path, f"{share}/../other", **{ROOTS: str(share)})


def test_a_folder_in_the_way(tmp_path: Path, parcel: Any) -> None:
    blocked = tmp_path / "deliveries" / "acme" / "site"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file")
    with pytest.raises((DeliveryError, Exception), match="cannot be written"):
        courier(tmp_path, "site").send(parcel, "x")


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, Unreachable), (errno.EACCES, DeliveryError)])
def test_a_share_that_is_full_may_have_room_later(
    tmp_path: Path, parcel: Any, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[WorkbenchError]
) -> None:
    def refuse(_: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code), str(target))

    monkeypatch.setattr("workbench.delivery.folder.shutil.copyfile", refuse)
    with pytest.raises(kind, match="the folder cannot be written"):
        courier(tmp_path, "site").send(parcel, "x")


def test_an_empty_index(tmp_path: Path) -> None:
    assert "No report yet." in index_page(tmp_path, "Acme")
