"""Secrets reach Kedro as credentials, cost nothing where none is asked for, and are given back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog

from workbench.hooks.secrets import SecretHooks
from workbench.secrets import secrets_of
from workbench.secrets.for_kedro import Credentials
from workbench.secrets.redaction import known_secrets


def loader_for(project, env: str | None):
    loader = OmegaConfigLoader(str(project / "conf"), base_env="base", default_run_env="base")
    hooks = SecretHooks()
    hooks.after_context_created(SimpleNamespace(config_loader=loader, env=env, project_path=project))
    return hooks, loader


def test_a_catalog_takes_what_it_names(small, monkeypatch) -> None:
    monkeypatch.setenv("ALPHA__WAREHOUSE__KEY", "canary-of-the-key")
    monkeypatch.setenv("ALPHA__WAREHOUSE__SECRET", "canary-of-the-secret")
    monkeypatch.setenv("ALPHA__TOKEN", "canary-of-a-token")
    _, loader = loader_for(small, "clients/alpha")
    credentials = loader["credentials"]
    assert credentials["warehouse"] == {"key": "canary-of-the-key", "secret": "canary-of-the-secret"}
    assert credentials["token"] == "canary-of-a-token"
    assert sorted(credentials) == ["token", "warehouse"]
    assert "canary" not in repr(credentials)
    with pytest.raises(KeyError):
        credentials["beta"]
    entry = {"type": "kedro_datasets.json.JSONDataset", "filepath": "x.json", "credentials": "warehouse"}
    catalog = DataCatalog.from_config({"table": entry}, credentials)
    assert catalog is not None
    with pytest.raises(KeyError, match="Unable to find credentials 'other'"):
        DataCatalog.from_config({"table": {**entry, "credentials": "other"}}, credentials)


def test_a_run_that_names_none_opens_nothing(small, monkeypatch) -> None:
    opened = []
    credentials = Credentials(lambda: opened.append(1) or secrets_of(small, "alpha"))
    DataCatalog.from_config({"table": {"type": "MemoryDataset"}}, credentials)
    assert opened == []
    assert list(credentials) == []
    assert opened == [1]


def test_base_has_none(small) -> None:
    _, loader = loader_for(small, None)
    assert "credentials" not in loader.keys() - loader.config_patterns.keys()


def test_a_report_is_searched_for_all_of_them(small, monkeypatch) -> None:
    hooks, _ = loader_for(small, "clients/alpha")
    monkeypatch.setenv("ALPHA__PLAIN", "canary-not-fetched-before")
    hooks.before_node_run(SimpleNamespace(name="gather_model_card"))
    assert known_secrets().found_in("canary-not-fetched-before") is None
    hooks.before_node_run(SimpleNamespace(name="render_model_card"))
    assert known_secrets().found_in("canary-not-fetched-before") is not None


def test_a_report_does_not_wait_for_a_vault_that_is_down(vault, configure, monkeypatch, caplog) -> None:
    project = configure(f"kind: vault\naddress: {vault.address}\nauth: {{method: token}}\nattempts: 1\n")
    monkeypatch.setenv("ALPHA__VAULT_TOKEN", vault.token("alpha"))
    vault.sealed = True
    hooks, _ = loader_for(project, "clients/alpha")
    hooks.before_node_run(SimpleNamespace(name="render_model_card"))
    assert "those secrets alone that the run has used" in caplog.text


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_leases_are_given_back_when_the_run_ends(vault, configure, monkeypatch, end) -> None:
    project = configure(
        f"kind: vault\naddress: {vault.address}\nauth: {{method: token}}\ndatabases: {{DB: {{role: '{{client}}-read'}}}}\n"
    )
    monkeypatch.setenv("ALPHA__VAULT_TOKEN", vault.token("alpha"))
    vault.database_roles["alpha-read"] = {"ttl": 60, "max_ttl": 600}
    hooks, loader = loader_for(project, "clients/alpha")
    assert loader["credentials"]["db_username"].startswith("v-alpha-read")
    assert len(vault.leases) == 1
    getattr(hooks, end)()
    assert vault.leases == {}
