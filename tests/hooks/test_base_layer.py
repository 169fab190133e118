"""What all clients share, read in advance: the same as read anew, once, and not if somebody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError
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


def test_what_is_resolved_in_advance_is_what_each_client_would_resolve(project: Path) -> None:
    """All of the base layer that a worker gets has its own client's name, and no other client's or stand-in."""
    ClientConfigLoader.keep(project / "conf", **OPTIONS)
    assert all(base_layer._kept[str(project / "conf/base"), key].resolved for key in ("catalog", "parameters"))
    catalog = read(project, "clinic")["catalog"]
    assert catalog["raw"]["filepath"] == "data/clinic/01_raw"  # type: ignore[index]
    assert base_layer._STAND_IN not in str(catalog)


@pytest.mark.parametrize(
    "text",
    [
        "x: {clinic: 1, it: '${x.${globals:client}}'}",
        'x: {it: "${oc.select:x.of_${globals:client},7}", of_clinic: 1}',
        "x: {it: '${x.one}', one: 1}",
        "x: {it: '\\${globals:client}'}",
    ],
)
def test_what_depends_on_more_than_the_clients_name_is_resolved_by_each(project: Path, text: str) -> None:
    parameters = project / "conf/base/parameters.yml"
    parameters.write_text(f"{parameters.read_text()}\n{text}\n")
    anew = read(project, "clinic")
    with suppress(ConfigurationError):  # without a client it cannot be resolved: then workers start cold
        ClientConfigLoader.keep(project / "conf", **OPTIONS)
    assert read(project, "clinic") == anew
