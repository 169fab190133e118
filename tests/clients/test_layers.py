"""Base, industry, client, stage: which file decides, what a layer may say, and what is told of what it may not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cli.client import client as client_command
from workbench.clients import ClientRegistry
from workbench.clients.check import check_client, check_stages
from workbench.clients.explain import explain, find
from workbench.clients.layers import STAGE_VARIABLE, current_stage
from workbench.errors import ConfigurationError
from workbench.hooks.config_loader import ClientConfigLoader
from workbench.registry.provenance import configuration, digest_of_json

ACME = """\
id: acme
title: Acme
owner: someone@acme.example
industry: airlines
sources: {orders: {kind: csv, path: data/acme/orders.csv}}
key: [order_id]
target: late
task: binary
metric: {name: roc_auc}
budgets: {train_seconds: 100}
schedule:
  weekly: {cron: "0 6 * * 1", deliver: [site]}
  daily: {cron: "0 6 * * *"}
deliver:
  site: {kind: folder, path: reports}
"""
BASE = "train:\n  epochs: 60\n  rate: 0.1\n  deep: {a: 1, b: 2}\nscore: {rows: 5}\nfree: {}\n"
CATALOG = "raw:\n  type: workbench.datasets.TableFolder\n  filepath: data/${globals:client}/01_raw\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "base/parameters.yml", BASE)
    write(tmp_path, "base/catalog.yml", CATALOG)
    write(tmp_path, "clients/acme/client.yml", ACME)
    write(tmp_path, "clients/acme_2/client.yml", ACME.replace("acme", "acme_2").replace("industry: airlines\n", ""))
    (tmp_path / "conf/industries/airlines").mkdir(parents=True)
    return tmp_path


def write(project: Path, name: str, text: str) -> Path:
    path = project / "conf" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def loaded(
    project: Path, monkeypatch: pytest.MonkeyPatch, stage: str | None = None, client: str = "acme", **more: Any
) -> ClientConfigLoader:
    monkeypatch.delenv(STAGE_VARIABLE, raising=False)
    if stage:
        monkeypatch.setenv(STAGE_VARIABLE, stage)
    return ClientConfigLoader(
        project / "conf",
        f"clients/{client}",
        base_env="base",
        merge_strategy={"parameters": "soft", "catalog": "soft"},
        **more,
    )


LAYERS = ("industries/airlines", "clients/acme", "stages/prod/_all", "stages/prod/acme")


def test_each_layer_decides_over_those_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, layer in enumerate(LAYERS):
        write(project, f"{layer}/parameters.yml", f"train: {{epochs: {number}}}\n")
        train = loaded(project, monkeypatch, "prod")["parameters"]["train"]
        assert train == {"epochs": number, "rate": 0.1, "deep": {"a": 1, "b": 2}}
    assert loaded(project, monkeypatch)["parameters"]["train"]["epochs"] == 1
    assert loaded(project, monkeypatch, "dev")["parameters"]["train"]["epochs"] == 1
    # Another client, not of the industry: only what is for everybody in the stage.
    assert loaded(project, monkeypatch, client="acme_2")["parameters"]["train"]["epochs"] == 60
    assert loaded(project, monkeypatch, "prod", client="acme_2")["parameters"]["train"]["epochs"] == 2


def test_what_is_typed_decides_over_all_layers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in LAYERS:
        write(project, f"{layer}/parameters.yml", "train: {epochs: 1}\n")
    more = {"runtime_params": {"train": {"epochs": 99}}}
    assert loaded(project, monkeypatch, "prod", **more)["parameters"]["train"]["epochs"] == 99


def test_each_layer_resolves_its_own_and_knows_the_client(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "industries/airlines/parameters.yml", "train: {epochs: 7, rate: '${train.epochs}'}\n")
    write(project, "stages/prod/_all/parameters.yml", "train: {epochs: 8, deep: {a: '${globals:client}'}}\n")
    train = loaded(project, monkeypatch, "prod")["parameters"]["train"]
    assert (train["epochs"], train["rate"], train["deep"]["a"]) == (8, 7, "acme")


values = st.recursive(
    st.integers() | st.text(alphabet="xyz", min_size=1),
    lambda inner: st.dictionaries(st.sampled_from("ab"), inner, min_size=1),
    max_leaves=4,
)


@settings(max_examples=40)
@given(
    given=st.lists(
        st.none() | st.dictionaries(st.sampled_from(["epochs", "rate", "deep"]), values), min_size=4, max_size=4
    )
)
def test_explain_says_what_the_loader_loads(
    tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, Any] | None]
) -> None:
    project = tmp_path_factory.mktemp("layers")
    # A base whose keys are not fixed, so that mappings and values may take each other's place.
    write(project, "base/parameters.yml", "train: {epochs: 60, rate: 0.1, deep: {}}\n")
    write(project, "clients/acme/client.yml", ACME)
    (project / "conf/industries/airlines").mkdir(parents=True)
    for layer, train in zip(LAYERS, given, strict=True):
        if train is not None:
            write(project, f"{layer}/parameters.yml", json.dumps({"train": train}) if train else "{}")
    with pytest.MonkeyPatch.context() as patch:
        parameters = loaded(project, patch, "prod")["parameters"]
    found = {one.key: one.winner.value for one in explain(ClientRegistry(project, "prod"), "acme")}
    for key, value in flat(parameters).items():
        assert found[key] == value, key
    assert not {key for key in found if key.startswith("train.")} - set(flat(parameters))


def flat(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) and value else {f"{above}{key}": value}
    return found


def test_explain_names_the_file_and_line_that_won_and_all_that_it_overrode(project: Path) -> None:
    for layer in LAYERS:
        write(project, f"{layer}/parameters.yml", "# one line above\ntrain:\n  rate: 0.5\n")
    (rate,) = find(explain(ClientRegistry(project, "prod"), "acme"), "train.rate")
    assert rate.winner.where == "conf/stages/prod/acme/parameters.yml:3"
    assert [one.where for one in rate.overridden] == [
        "conf/stages/prod/_all/parameters.yml:3",
        "conf/clients/acme/parameters.yml:3",
        "conf/industries/airlines/parameters.yml:3",
        "conf/base/parameters.yml:3",
    ]
    shown = CliRunner().invoke(
        client_command,
        ["explain", "acme", "train.rate", "--stage", "staging"],
        obj=type("P", (), {"project_path": project}),
    )
    assert shown.output.splitlines()[0] == "train.rate = 0.5  conf/clients/acme/parameters.yml:3"


def test_client_yml_has_layers_too(project: Path) -> None:
    write(project, "industries/airlines/client.yml", "budgets: {train_seconds: 50, bad_rows_share: 0.2}\n")
    write(
        project,
        "stages/prod/acme/client.yml",
        "budgets: {train_seconds: 900}\nschedule: {daily: null}\n"
        "deliver:\n  site: {kind: object_store, url: 's3://bucket/acme'}\n"
        "sources: {orders: {path: data/acme/all.csv}}\n",
    )
    plain, prod = ClientRegistry(project).load("acme"), ClientRegistry(project, "prod").load("acme")
    assert (plain.budgets.train_seconds, plain.budgets.bad_rows_share) == (100, 0.2)
    assert (prod.budgets.train_seconds, prod.budgets.bad_rows_share) == (900, 0.2)
    assert (set(plain.schedule), set(prod.schedule)) == ({"weekly", "daily"}, {"weekly"})
    assert prod.deliver["site"].kind == "object_store"
    assert prod.sources["orders"].path == "data/acme/all.csv"
    settings = explain(ClientRegistry(project, "prod"), "acme")
    assert find(settings, "budgets.train_seconds")[0].winner.where == "conf/stages/prod/acme/client.yml:1"
    assert find(settings, "budgets.train_seconds")[0].overridden[0].where == "conf/clients/acme/client.yml:10"
    assert find(settings, "budgets.bad_rows_share")[0].winner.where == "conf/industries/airlines/client.yml:1"


def test_a_catalog_may_change_settings_and_is_explained(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "stages/dev/_all/catalog.yml", "raw:\n  filepath: data/${globals:client}/sample/01_raw\n")
    assert loaded(project, monkeypatch, "dev")["catalog"]["raw"] == {
        "type": "workbench.datasets.TableFolder",
        "filepath": "data/acme/sample/01_raw",
    }
    (place,) = find(explain(ClientRegistry(project, "dev"), "acme"), "catalog.raw.filepath")
    assert place.winner.where == "conf/stages/dev/_all/catalog.yml:2"
    assert place.overridden[0].where == "conf/base/catalog.yml:3"


WRONG: dict[str, tuple[str, str, int | None, str]] = {
    "an unknown parameter": ("parameters.yml", "train:\n  epoch: 3\n", 2, "unknown parameter 'train.epoch'. Next: did you mean 'train.epochs'?"),
    "an unknown block": ("parameters.yml", "trian: {}\n", 1, "did you mean 'train'?"),
    "an unknown dataset": ("catalog.yml", "rwa: {filepath: data/acme/x}\n", 1, "unknown dataset 'rwa'. Next: did you mean 'raw'?"),
    "a class": ("catalog.yml", "raw:\n  type: os.system\n", 2, "dataset 'raw' names a class"),
    "a dataset that is none": ("catalog.yml", "raw: 7\n", 1, "no mapping of settings"),
    "another client": ("catalog.yml", "raw:\n  client: acme_2\n", 2, "sets 'client', which follows from the client"),
    "another client's folder": ("catalog.yml", "raw: {filepath: data/acme_2/01_raw}\n", None, "not below data/acme or models/acme"),
    "a way up": ("catalog.yml", "raw: {filepath: data/acme/../acme_2/01_raw}\n", None, "not below data/acme"),
    "an absolute path": ("catalog.yml", "raw: {filepath: /etc/passwd}\n", None, "not below data/acme"),
    "an alias": ("parameters.yml", "train: &x {epochs: 1}\nscore: *x\n", 2, "an alias"),
    "a tag": ("parameters.yml", "train: !!python/object/apply:os.system [ls]\n", 1, "is not allowed; write the value alone"),
    "a secret": ("credentials.yml", "db: {password: x}\n", None, "no secret lies in conf/"),
    "a misspelt file": ("paramters.yml", "train: {epochs: 1}\n", None, "did you mean 'parameters.yml'?"),
    "a file in a subfolder": ("catalog_x/more.yml", "raw: {type: os.system}\n", None, "this is no file of a client's configuration"),
    "a file of a known name in a subfolder": ("catalog_x/parameters.yml", "train: {epochs: 1}\n", None, "this is no file of a client's configuration"),
    "a file of another kind": ("parameters.json", '{"train": {"epochs": 1}}', None, "this is no file of a client's configuration"),
    "the environment": ("parameters.yml", "train: {rate: '${oc.env:HOME}'}\n", 1, "a client's configuration may not read the environment"),
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("name", "text", "line", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_no_layer_may_say(
    project: Path, monkeypatch: pytest.MonkeyPatch, layer: str, name: str, text: str, line: int | None, sentence: str
) -> None:
    path = write(project, f"{layer}/{name}", text)
    with pytest.raises(ConfigurationError) as caught:
        loader = loaded(project, monkeypatch, "prod")
        loader["parameters"], loader["catalog"]
    assert sentence in str(caught.value)
    assert f"{path}:{line}" in str(caught.value) or line is None
    monkeypatch.delenv(STAGE_VARIABLE)
    if line is not None:
        assert sentence in check_client(ClientRegistry(project), "acme", None)[0].message


FIELDS = {
    "an id": ("id: beta\n", "may not set 'id'"),
    "a task": ("title: x\ntask: regression\n", "may not set 'title'"),
    "an unknown field": ("budget: {train_seconds: 1}\n", "did you mean 'budgets'?"),
    "an unknown key below": (
        "budgets: {train_second: 1}\n",
        "unknown key 'train_second'. Next: did you mean 'train_seconds'?",
    ),
    "a wrong value": ("budgets: {train_seconds: -1}\n", "budgets.train_seconds: Input should be greater than 0"),
}


@pytest.mark.parametrize("layer", ["industries/airlines", "stages/prod/_all", "stages/prod/acme"])
@pytest.mark.parametrize(("text", "sentence"), FIELDS.values(), ids=FIELDS.keys())
def test_what_a_layer_may_not_say_of_a_client(project: Path, layer: str, text: str, sentence: str) -> None:
    path = write(project, f"{layer}/client.yml", text)
    own = project / "conf/clients/acme/client.yml"
    own.write_text(own.read_text().replace("budgets: {train_seconds: 100}\n", ""))
    with pytest.raises(ConfigurationError) as caught:
        ClientRegistry(project, "prod").load("acme")
    assert sentence in str(caught.value)
    assert f"{path}:1" in str(caught.value)
    assert sentence in check_client(ClientRegistry(project), "acme", None)[0].message


def test_a_value_that_a_layer_requires_must_be_set(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "base/parameters.yml", BASE.replace("rate: 0.1", "rate: ???"))
    with pytest.raises(ConfigurationError) as caught:
        loaded(project, monkeypatch)["parameters"]
    place = project / "conf/base/parameters.yml:3"
    assert f"client acme, {place}: parameter 'train.rate' is required and no layer sets it" in str(caught.value)
    write(project, "stages/prod/_all/parameters.yml", "train: {rate: 0.3}\n")
    assert loaded(project, monkeypatch, "prod")["parameters"]["train"]["rate"] == 0.3


def test_names_that_do_not_exist_are_told_with_the_nearest(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"stage 'pord' does not exist .* did you mean 'prod'\?"):
        loaded(project, monkeypatch, "pord")
    own = project / "conf/clients/acme/client.yml"
    own.write_text(own.read_text().replace("airlines", "airline"))
    with pytest.raises(
        ConfigurationError, match=rf"{own}:4: industry 'airline' does not exist .* did you mean 'airlines'\?"
    ):
        loaded(project, monkeypatch)
    for folder in ("pord/acme", "prod/acmee"):
        (project / "conf/stages" / folder).mkdir(parents=True)
    found = [one.message.partition("stages/")[2] for one in check_stages(ClientRegistry(project))]
    assert found == [
        "pord: 'pord' is no stage. Next: did you mean 'prod'?",
        "prod/acmee: 'acmee' is no client. Next: did you mean 'acme'?",
    ]


@pytest.mark.parametrize("kind", ["stages/prod", "industries"])
def test_a_link_is_no_layer(
    project: Path, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = tmp_path_factory.mktemp("away")
    (away / "parameters.yml").write_text("train: {epochs: 1}\n")
    place = project / "conf" / kind / ("acme" if "prod" in kind else "airlines")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rmdir()
    place.symlink_to(away)
    with pytest.raises(ConfigurationError):
        loaded(project, monkeypatch, "prod")


def test_the_digest_covers_every_layer_and_the_stage(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(stage: str | None) -> str:
        parameters = loaded(project, monkeypatch, stage)["parameters"]
        return digest_of_json(configuration(project, "acme", parameters))

    seen = {digest(None), digest("prod"), digest("dev")}
    assert len(seen) == 3, "the stage itself counts"
    texts = {
        "parameters.yml": "train: {{epochs: {}}}\n",
        "client.yml": "budgets: {{bad_rows_share: 0.{}}}\n",
        "catalog.yml": "raw: {{filepath: data/acme/{}}}\n",
    }
    for number, (layer, name) in enumerate(
        itertools.product(("industries/airlines", "stages/prod/_all", "stages/prod/acme"), texts), 1
    ):
        write(project, f"{layer}/{name}", texts[name].format(number))
        now = digest("prod")
        assert now not in seen, f"{layer}/{name}"
        seen.add(now)


@pytest.mark.parametrize(
    "name", ["../prod", "/etc", "a/b", ".", "\0", "x" * 300, "рrod", "PROD", "con", "nul", "_all", "prod\n"]
)
def test_hostile_names_of_stages_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        current_stage({STAGE_VARIABLE: name})
    assert len(str(caught.value)) < 300
