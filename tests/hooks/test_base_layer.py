"""What all clients share, read in advance: the same as read anew, once, and not if somebody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.hooks import base_layer
from workbench.hooks.config_loader import ClientConfigLoader

OPTIONS = {"base_env": "base", "default_run_env": "base", "merge_strategy": {"parameters": "soft", "catalog": "soft"}}
KEYS = ("catalog", "parameters", "globals")


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    base_layer._kept.clear()
    yield
    base_layer._kept.clear()


def read(project: Path, client: str) -> dict[str, object]:
    loader = ClientConfigLoader(str(project / "conf"), f"clients/{client}", **OPTIONS)
    return {key: loader[key] for key in KEYS}


def test_it_is_the_same_for_each_client(project: Path) -> None:
    (project / "conf/clients/clinic/parameters.yml").write_text("train: {epochs: 3}\n")
    (project / "conf/clients/clinic/catalog.yml").write_text("raw: {metadata: {description: ours}}\n")
    for client in ("clinic", "skyways"):
        anew = read(project, client)
        ClientConfigLoader.keep(project / "conf", **OPTIONS)
        assert len(base_layer._kept) == len(KEYS)
        assert read(project, client) == anew
        assert not base_layer._kept, "a merge uses it up"
        assert read(project, client) == anew


def test_no_file_of_a_client_is_opened(project: Path) -> None:
    for client in ("clinic", "skyways", "tradewinds"):
        for path in (project / "conf/clients" / client).iterdir():
            path.write_text("&a [*a, : broken")
    ClientConfigLoader.keep(project / "conf", **OPTIONS)


def test_what_was_changed_since_is_read_anew(project: Path) -> None:
    ClientConfigLoader.keep(project / "conf", **OPTIONS)
    parameters = project / "conf/base/parameters.yml"
    parameters.write_text(parameters.read_text() + "\nlater: 1\n")
    assert read(project, "clinic")["parameters"]["later"] == 1  # type: ignore[index]
