"""``secrets.yml`` says where secrets are, holds none, and names nobody else's."""

from __future__ import annotations

import pytest

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError
from workbench.secrets.config import EnvironmentSecrets, FileSecrets, VaultSecrets, load

VAULT = "kind: vault\naddress: https://vault.example:8200\nauth: {method: approle}\n"


def of(project, client: str = "alpha"):
    return load(ClientRegistry(project), client)


def test_without_a_file_it_is_the_environment(small) -> None:
    assert of(small) == EnvironmentSecrets()


def test_a_client_says_only_what_differs(configure) -> None:
    configure(VAULT + "timeout_seconds: 3\n")
    project = configure("auth: {mount: other}\n", "alpha")
    alpha, beta = of(project), of(project, "beta")
    assert isinstance(alpha, VaultSecrets)
    assert (alpha.auth.method, alpha.auth.mount, alpha.timeout_seconds) == ("approle", "other", 3)
    assert beta.auth.mount is None


def test_another_kind_stands_alone(configure) -> None:
    configure(VAULT)
    assert of(configure("kind: file\n", "alpha")) == FileSecrets(kind="file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: keepass\n", "does not match any of the expected tags"),
        ("kind: environment\npassword: hunter2\n", "unknown key 'password'"),
        (VAULT.replace("https", "http"), "http:// is for this machine only"),
        (VAULT.replace("vault.example", "me:hunter2@vault.example"), "a host and a port, nothing more"),
        (VAULT + "path: clients/beta\n", "one of its parts must be {client}"),
        (VAULT + "path: clients/x{client}\n", "one of its parts must be {client}"),
        (VAULT + "path: ../{client}\n", "should match pattern"),
        (VAULT + "mount: ../secret\n", "should match pattern"),
        (VAULT + "databases: {WAREHOUSE: {role: readonly}}\n", "it must hold {client}"),
        (VAULT + "databases: {WAREHOUSE: {role: '{client.__class__}'}}\n", "should match pattern"),
        (VAULT.replace("approle", "approle, role: everybody"), "it must hold {client}"),
        (VAULT + "attempts: 0\n", "greater than or equal to 1"),
    ],
)
def test_what_it_may_not_say(configure, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        of(configure(text))
    assert said in str(caught.value)
    assert "secrets.yml:" in str(caught.value)
    assert "hunter2" not in str(caught.value)
