from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ConfigurationError, UnknownClient
from workbench.hooks.config_loader import NO_CLIENT, ClientConfigLoader


def loader(project: Path, env: str | None) -> ClientConfigLoader:
    return ClientConfigLoader(
        project / "conf",
        env,
        base_env="base",
        default_run_env="base",
        merge_strategy={"parameters": "soft", "catalog": "soft"},
    )


def test_the_client_comes_from_the_environment(project: Path) -> None:
    assert loader(project, "clients/skyways")["catalog"]["raw"]["filepath"] == "data/skyways/01_raw"
    assert loader(project, None)["catalog"]["raw"]["filepath"] == f"data/{NO_CLIENT}/01_raw"


def test_no_file_of_a_client_can_name_another_client(project: Path) -> None:
    (project / "conf/clients/skyways/globals.yml").write_text("client: tradewinds\n")
    assert loader(project, "clients/skyways")["catalog"]["raw"]["filepath"] == "data/skyways/01_raw"


def test_a_client_overrides_one_parameter_and_keeps_the_rest(project: Path) -> None:
    base = loader(project, None)["parameters"]["train"]
    (project / "conf/clients/clinic/parameters.yml").write_text("train: {epochs: 3}\n")
    assert loader(project, "clients/clinic")["parameters"]["train"] == {**base, "epochs": 3}


@pytest.mark.parametrize("env", ["clients/skyway", "../../etc", "clients/../../etc", "local"])
def test_an_unknown_environment_is_refused(project: Path, env: str) -> None:
    with pytest.raises(UnknownClient):
        loader(project, env)


REFUSED = {
    "credentials": ("credentials.yml", "db: {password: x}", "no secret lies in conf/"),
    "an alias": ("parameters.yml", "a: &x 1\nb: *x", "an alias"),
    "a class": ("catalog.yml", "raw:\n  type: os.system", "names a class"),
    "the environment": ("parameters.yml", "a: [{b: 'x ${oc.env:VAULT_TOKEN}'}]", r"parameters.yml:1: .* may not read"),
    "the environment, in globals": ("globals.yml", "x: ${ oc.env:HOME}", "may not read the environment"),
    "the environment, in a key": ("parameters.yml", "${oc.env:HOME}: 1", "may not read the environment"),
    "the environment, inside another": (
        "parameters.yml",
        "a: ${globals:${oc.env:HOME}}",
        "may not read the environment",
    ),
    "the environment, by parts": ("parameters.yml", "x: env\na: ${oc.${x}:HOME}", "may not read the environment"),
    "the environment, by a name of parts": (
        "parameters.yml",
        "x: oc\na: ${${x}.env:HOME}",
        "may not read the environment",
    ),
}


@pytest.mark.parametrize(("name", "text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_client_may_not_have(project: Path, name: str, text: str, sentence: str) -> None:
    (project / "conf/clients/clinic" / name).write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        loader(project, "clients/clinic")


def test_a_symbolic_link_is_refused(project: Path) -> None:
    (project / "conf/clients/clinic/parameters.yml").symlink_to("/etc/hostname")
    with pytest.raises(ConfigurationError, match="no symbolic link"):
        loader(project, "clients/clinic")


def test_other_interpolations_are_allowed(project: Path) -> None:
    (project / "conf/clients/clinic/parameters.yml").write_text("train: {epochs: '${globals:epochs}'}\n")
    (project / "conf/clients/clinic/globals.yml").write_text("epochs: 3\n")
    assert loader(project, "clients/clinic")["parameters"]["train"]["epochs"] == 3
