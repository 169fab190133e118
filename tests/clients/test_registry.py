from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients import ClientRegistry, client_of_env, env_of_client
from workbench.errors import ConfigurationError, UnknownClient

ROOT = Path(__file__).parents[2]

CLIENT = """\
id: acme
title: Acme
owner: someone@acme.example
sources:
  orders: {kind: csv, path: data/orders.csv}
key: [order_id]
target: late
task: binary
metric: {name: roc_auc}
"""


@pytest.fixture
def registry(tmp_path: Path) -> ClientRegistry:
    folder = tmp_path / "conf" / "clients" / "acme"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text(CLIENT)
    return ClientRegistry(tmp_path)


def rewrite(registry: ClientRegistry, old: str, new: str) -> Path:
    path = registry.root / "acme" / "client.yml"
    assert old in CLIENT
    path.write_text(CLIENT.replace(old, new))
    return path


def test_the_shipped_clients_are_sound() -> None:
    registry = ClientRegistry(ROOT)
    assert {"clinic", "skyways", "tradewinds"} <= set(registry.ids())
    for client_id in registry.ids():
        assert registry.load(client_id).id == client_id
        registry.schema(client_id)


def test_defaults_are_filled_in(registry: ClientRegistry) -> None:
    client = registry.load("acme")
    assert (client.recipe, client.engine.kind, client.split.by, client.metric.margin) == ("auto", "duckdb", "key", 0.0)


HOSTILE = ["../acme", "/etc", "a/b", ".", "..", "a\0b", "x" * 300, "Acme", "аcme", "acme ", "acme\n", "", "a", "1acme"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(registry: ClientRegistry, name: str) -> None:
    with pytest.raises(UnknownClient, match="is not a client id"):
        registry.folder(name)


@given(st.text())
def test_no_text_leads_outside_of_the_registry(name: str) -> None:
    registry = ClientRegistry(ROOT)
    try:
        assert registry.folder(name).parent == registry.root
    except UnknownClient as error:
        assert len(str(error)) < 500


def test_a_near_name_is_suggested(registry: ClientRegistry) -> None:
    with pytest.raises(UnknownClient, match="did you mean 'acme'"):
        registry.load("acmee")


def test_for_one_client_no_other_is_looked_at(registry: ClientRegistry, monkeypatch) -> None:
    monkeypatch.setattr(
        ClientRegistry, "ids", lambda _: pytest.fail("with a thousand clients, each run would read a thousand folders")
    )
    assert registry.load("acme").id == "acme"
    assert registry.schema("acme") is None
    assert registry.layers("acme")


def test_a_sibling_prefix_is_another_client(registry: ClientRegistry) -> None:
    with pytest.raises(UnknownClient, match="'acme_2' is not in the registry"):
        registry.load("acme_2")


def test_an_empty_folder_is_not_a_client(registry: ClientRegistry) -> None:
    (registry.root / "empty").mkdir()
    assert registry.ids() == ["acme"]
    with pytest.raises(UnknownClient, match="'empty' has no client.yml"):
        registry.load("empty")


def test_a_symbolic_link_is_not_a_client(registry: ClientRegistry) -> None:
    (registry.root / "twin").symlink_to(registry.root / "acme")
    assert registry.ids() == ["acme"]
    with pytest.raises(UnknownClient, match="'twin' is a symbolic link"):
        registry.load("twin")


WRONG = {
    "an unknown key": ("owner:", "onwer:", 3, "top level: unknown key 'onwer'. Next: did you mean 'owner'?"),
    "a missing key": ("task: binary\n", "", 1, "task: this key is missing. Next: add `task:`"),
    "another id": ("id: acme", "id: acne", 1, "id is 'acne' but the folder is 'acme'. Next: write `id: acme`"),
    "a task that is none": ("binary", "binray", 8, "task: Input should be 'binary', 'multiclass' or 'regression'"),
    "a metric that does not fit": (
        "roc_auc",
        "rmse",
        1,
        (
            "client: metric 'rmse' does not fit task 'binary'; "
            "take one of roc_auc, average_precision, log_loss, brier, accuracy"
        ),
    ),
    "a target among the keys": ("target: late", "target: order_id", 1, "the target 'order_id' is also a key column"),
    "a dotted path for a recipe": ("task:", "recipe: os.system\ntask:", 8, "recipe: String should match pattern"),
    "an unknown source": ("kind: csv", "kind: ftp", 5, "sources.orders: Input tag 'ftp' found using 'kind'"),
    "an unknown key of a source": (
        "path:",
        "paht:",
        5,
        "sources.orders.csv: unknown key 'paht'. Next: did you mean 'path'?",
    ),
    "a table name with SQL": ("orders:", '"o; drop table x":', 5, "String should match pattern"),
    "a time zone that is none": (
        "task:",
        "schedule: {weekly: {cron: 0 6 * * 1, timezone: Europe/Zurch}}\ntask:",
        8,
        "schedule.weekly.timezone: 'Europe/Zurch' is not an IANA time zone",
    ),
    "a direction that is none": (
        "task:",
        "monotone: {price: up}\ntask:",
        8,
        "monotone.price: Input should be 'increasing' or 'decreasing'",
    ),
    "several classes cannot move one way": (
        "task: binary\nmetric: {name: roc_auc}",
        "task: multiclass\nmonotone: {price: increasing}\nmetric: {name: accuracy}",
        1,
        "`monotone` needs one number a row to move; a multiclass task has several",
    ),
    "a split by a time that is not there": ("task:", "split: {by: time}\ntask:", 1, "there is no time_column"),
}


@pytest.mark.parametrize(("old", "new", "line", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_wrong_configuration(registry: ClientRegistry, old: str, new: str, line: int, sentence: str) -> None:
    path = rewrite(registry, old, new)
    with pytest.raises(ConfigurationError) as caught:
        registry.load("acme")
    assert sentence in str(caught.value)
    assert f"{path}:{line}:" in str(caught.value)


def test_a_schema_for_a_table_without_a_source(registry: ClientRegistry) -> None:
    path = registry.root / "acme" / "schema.yml"
    path.write_text("tables:\n  order:\n    columns:\n      order_id: {type: int64}\n")
    with pytest.raises(ConfigurationError) as caught:
        registry.schema("acme")
    assert str(caught.value) == f"{path}:2: table 'order' has a schema but no source. Next: did you mean 'orders'?"


@pytest.mark.parametrize("env", ["../../etc", "clients/../base", "clients/", "clients/a/b", "local", "clients/Acme"])
def test_an_environment_that_is_no_client(env: str) -> None:
    with pytest.raises(UnknownClient, match="is not a client"):
        client_of_env(env)


def test_the_environment_of_a_client() -> None:
    assert client_of_env(env_of_client("acme")) == "acme"
    assert client_of_env(None) is client_of_env("base") is client_of_env("") is None


def test_a_schedule_that_delivers_to_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "conf" / "clients" / "acme"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text(
        "id: acme\ntitle: Acme\nowner: me@acme.example\nsources:\n  rows: {kind: sklearn, dataset: iris}\nkey: [row_id]\n"
        "target: species\ntask: multiclass\nmetric: {name: accuracy}\n"
        'schedule:\n  weekly: {cron: "0 6 * * 1", deliver: [site]}\n'
    )
    with pytest.raises(ConfigurationError, match=r"schedule\.weekly delivers to 'site', which is not a name under"):
        ClientRegistry(tmp_path).load("acme")
