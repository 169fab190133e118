"""Which file and line decides a setting; held against what Kedro makes of the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.clients import ClientRegistry
from workbench.clients.explain import DEFAULT, Setting, Stated, explain, find
from workbench.errors import ConfigurationError, UnknownClient
from workbench.hooks.config_loader import ClientConfigLoader

OWN = """\
# the client's own
train:
  epochs: 3
  learning_rate: 0.01
report: {timeout_seconds: 60}
"""


@pytest.fixture
def settings(project: Path) -> list[Setting]:
    (project / "conf/clients/clinic/parameters.yml").write_text(OWN)
    return explain(ClientRegistry(project), "clinic")


def line_of(path: Path, start: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if line.strip().startswith(start))


def test_the_line_that_won_and_the_one_it_overrode(project: Path, settings: list[Setting]) -> None:
    base = line_of(project / "conf/base/parameters.yml", "learning_rate:")
    (found,) = find(settings, "train.learning_rate")
    assert found.winner == Stated(0.01, "conf/clients/clinic/parameters.yml:4")
    assert [one.where for one in found.overridden] == [f"conf/base/parameters.yml:{base}"]
    (seed,) = find(settings, "train.seed")
    assert seed.winner.where.startswith("conf/base/parameters.yml:")
    assert not seed.overridden


def test_a_block_is_all_that_it_holds(settings: list[Setting]) -> None:
    keys = [setting.key for setting in find(settings, "train")]
    assert {"train.epochs", "train.seed"} < set(keys)
    assert keys == sorted(keys)


def test_fields_of_client_yml_have_a_line_or_the_default(project: Path, settings: list[Setting]) -> None:
    target = line_of(project / "conf/clients/clinic/client.yml", "target:")
    assert find(settings, "target")[0].winner == Stated("malignant", f"conf/clients/clinic/client.yml:{target}")
    assert find(settings, "engine")[0].winner == Stated("duckdb", DEFAULT)


@pytest.mark.parametrize(
    "own", [OWN, "train: {epochs: {}}\n", "train: 7\nreport:\n", "train:\n  seed:\n    deep: [1, {a: 2}]\n", ""]
)
def test_the_values_are_those_that_kedro_loads(project: Path, own: str) -> None:
    (project / "conf/clients/clinic/parameters.yml").write_text(own)
    found = {setting.key: setting.winner.value for setting in explain(ClientRegistry(project), "clinic")}
    loaded = ClientConfigLoader(
        project / "conf", "clients/clinic", base_env="base", merge_strategy={"parameters": "soft"}
    )
    for key, value in flat(loaded["parameters"]).items():
        assert found[key] == value, key


def flat(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    found = {}
    for key, value in data.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) and value else {f"{above}{key}": value}
    return found


def test_what_is_not_there_is_an_error_with_the_nearest_name(project: Path, settings: list[Setting]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"there is no setting 'train.epoch'. Next: did you mean 'train.epochs'\?"
    ):
        find(settings, "train.epoch")
    with pytest.raises(UnknownClient):
        explain(ClientRegistry(project), "clinik")
