from __future__ import annotations

from pathlib import Path

import pytest

from workbench.clients import ClientRegistry
from workbench.clients.check import check_client

CLIENT = """\
id: acme
title: Acme
owner: someone@acme.example
sources: {orders: {kind: csv, path: data/orders.csv}}
key: [order_id]
target: late
task: binary
recipe: acme
metric: {name: roc_auc}
"""


@pytest.fixture
def registry(tmp_path: Path) -> ClientRegistry:
    (tmp_path / "conf" / "clients" / "acme").mkdir(parents=True)
    (tmp_path / "conf" / "clients" / "acme" / "client.yml").write_text(CLIENT)
    (tmp_path / "conf" / "base").mkdir()
    (tmp_path / "conf" / "base" / "parameters.yml").write_text("train:\n  epochs: 60\n  learning_rate: 0.001\n")
    return ClientRegistry(tmp_path)


def messages(registry: ClientRegistry, recipes: set[str] | None = None) -> list[str]:
    return [finding.message for finding in check_client(registry, "acme", recipes or {"acme", "auto"})]


def test_all_is_well(registry: ClientRegistry) -> None:
    assert messages(registry) == []


def test_a_recipe_that_does_not_exist(registry: ClientRegistry) -> None:
    (found,) = messages(registry, {"acmee", "auto"})
    assert found == (
        f"client acme, {registry.root}/acme/client.yml:8: recipe 'acme' does not exist (tried: acmee, auto). "
        "Next: did you mean 'acmee'?"
    )


def test_an_unknown_parameter(registry: ClientRegistry) -> None:
    path = registry.root / "acme" / "parameters.yml"
    path.write_text("train:\n  epochs: 3\n  learning_rat: 0.1\n")
    (found,) = messages(registry)
    assert found == (
        f"client acme, {path}:3: unknown parameter 'train.learning_rat'. Next: did you mean 'train.learning_rate'?"
    )


def test_a_broken_client_is_told_once_and_the_parameters_still(registry: ClientRegistry) -> None:
    (registry.root / "acme" / "client.yml").write_text(CLIENT.replace("binary", "binry"))
    (registry.root / "acme" / "parameters.yml").write_text("trian: {}\n")
    assert [message.rsplit(": ", 1)[-1] for message in messages(registry)] == [
        "Input should be 'binary', 'multiclass' or 'regression'",
        "did you mean 'train'?",
    ]


def test_a_logo_that_is_not_there_or_no_picture(registry: ClientRegistry) -> None:
    folder = registry.root / "acme"
    (folder / "client.yml").write_text(CLIENT + "brand: {logo: logo.svg}\n")
    (found,) = messages(registry)
    assert found == f"{folder}/logo.svg: there is no such logo. Next: put the file beside client.yml"
    (folder / "logo.svg").write_text("<html/>")
    assert messages(registry) == [f"{folder}/logo.svg: is not an SVG picture"]
    (folder / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert messages(registry) == []


def test_a_schedule_of_a_template_that_does_not_exist(registry: ClientRegistry) -> None:
    folder = registry.project / "notebooks" / "reports"
    folder.mkdir(parents=True)
    (folder / "model_card.ipynb").write_text("{}")
    path = registry.root / "acme" / "client.yml"
    path.write_text(CLIENT + 'schedule:\n  weekly:\n    cron: "0 6 * * 1"\n    templates: [model_cards]\n')
    (found,) = messages(registry)
    assert found == (
        f"client acme, {path}:13: report template 'model_cards' does not exist (tried: model_card). "
        "Next: did you mean 'model_card'?"
    )
