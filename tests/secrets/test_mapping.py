"""A client's secrets are its own, are fetched when asked for, and are shown to nobody."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest

from workbench.errors import ConfigurationError, SecretMissing, Terminal, UnknownClient
from workbench.secrets import ClientSecrets, secrets_of
from workbench.secrets.environment import EnvironmentPlace
from workbench.secrets.place import Login
from workbench.secrets.redaction import known_secrets

CANARY = "canary-4f81b2"


@pytest.fixture
def alpha(small, monkeypatch) -> ClientSecrets:
    monkeypatch.setenv("ALPHA__SMTP_PASSWORD", CANARY)
    monkeypatch.setenv("ALPHA__VAULT_TOKEN", "canary-of-vault")
    monkeypatch.setenv("BETA__SMTP_PASSWORD", "canary-of-beta")
    monkeypatch.setenv("SHARED_KEY", "canary-of-all")
    return secrets_of(small, "alpha")


def test_a_secret_is_had_by_its_name_or_by_that_of_its_variable(alpha) -> None:
    assert alpha["SMTP_PASSWORD"] == alpha["ALPHA__SMTP_PASSWORD"] == CANARY
    assert list(alpha) == ["SMTP_PASSWORD"]
    assert "SMTP_PASSWORD" in alpha
    assert "OTHER" not in alpha
    assert len(alpha) == 1


def test_anothers_is_refused_and_what_is_nobodys_is_everybodys(alpha) -> None:
    with pytest.raises(ConfigurationError, match="secret BETA__SMTP_PASSWORD belongs to another client"):
        alpha["BETA__SMTP_PASSWORD"]
    assert alpha["SHARED_KEY"] == "canary-of-all"


def test_what_opens_a_place_is_handed_to_nobody(alpha, monkeypatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary-of-the-operator")
    for name in ("VAULT_TOKEN", "ALPHA__VAULT_TOKEN", "WORKBENCH_DELIVERY_ROOTS"):
        assert alpha.get(name) is None, name


def test_a_client_whose_name_begins_like_anothers_gets_nothing_of_it() -> None:
    environ = {"ACME__2__KEY": "canary-of-2", "ACME__KEY": "own", "ACME_2__KEY": "canary-of-the-other"}
    clients = ("acme", "acme_2", "acme__2")
    acme = ClientSecrets("acme", EnvironmentPlace("acme", clients, environ), clients)
    assert list(acme) == ["KEY"]
    for name in ("ACME__2__KEY", "ACME_2__KEY"):
        with pytest.raises(ConfigurationError):
            acme[name]


def test_nor_by_the_rest_of_the_others_name() -> None:
    environ, clients = {"ACME__B__KEY": "canary-of-b"}, ("acme", "acme__b")
    assert ClientSecrets("acme", EnvironmentPlace("acme", clients, environ), clients).get("B__KEY") is None


def test_what_is_missing_says_where_it_was_looked_for(alpha) -> None:
    with pytest.raises(SecretMissing) as caught:
        alpha["NO_SUCH"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, Terminal)
    assert str(caught.value) == (
        "client alpha: there is no secret NO_SUCH (tried: environment variable ALPHA__NO_SUCH). "
        "Next: set ALPHA__NO_SUCH for the process that needs it"
    )
    assert alpha.get("NO_SUCH") is None


def test_what_may_be_a_value_is_not_repeated_as_a_name(alpha) -> None:
    with pytest.raises(ConfigurationError) as caught:
        alpha["p4ss word"]
    assert "p4ss" not in str(caught.value)


def test_nothing_shows_a_value(alpha, caplog) -> None:
    shown = [repr(alpha), str(alpha), f"{alpha}", repr(alpha.items()), repr(alpha.values()), repr({"x": [alpha]})]
    logging.getLogger("test").warning("%r %s", alpha, alpha)
    shown += [caplog.text, repr(Login("canary-of-a-user", CANARY))]
    assert not [text for text in shown if "canary" in text]


def test_it_is_neither_copied_nor_pickled_nor_compared_by_value(alpha, small) -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            attempt(alpha)
    assert alpha != dict(alpha)
    assert alpha == secrets_of(small, "alpha")


def test_what_was_fetched_is_looked_for_from_then_on(alpha, monkeypatch) -> None:
    monkeypatch.setenv("PLAIN_NAME", "canary-by-another-way")
    assert known_secrets().found_in("canary-by-another-way") is None
    assert alpha["PLAIN_NAME"]
    assert known_secrets().found_in("canary-by-another-way") == ("client alpha's PLAIN_NAME", 0)


def test_an_older_value_stays_a_secret(alpha, monkeypatch) -> None:
    for value in ("canary-first", "canary-second", "canary-third", "canary-first"):
        monkeypatch.setenv("ALPHA__KEY", value)
        assert alpha["KEY"] == value
    for value in ("canary-first", "canary-second", "canary-third"):
        assert known_secrets().found_in(value) is not None, value


def test_a_client_that_is_not_registered_has_none(small) -> None:
    with pytest.raises(UnknownClient):
        secrets_of(small, "gamma")
    with pytest.raises(UnknownClient):
        secrets_of(small, "../alpha")


def test_a_login_is_a_pair_of_variables(alpha, monkeypatch) -> None:
    with pytest.raises(ConfigurationError, match="ALPHA__WAREHOUSE_USERNAME, ALPHA__WAREHOUSE_PASSWORD"):
        alpha.login("WAREHOUSE")
    monkeypatch.setenv("ALPHA__WAREHOUSE_USERNAME", "reader-of-alpha")
    monkeypatch.setenv("ALPHA__WAREHOUSE_PASSWORD", "canary-of-warehouse")
    login = alpha.login("WAREHOUSE")
    assert (login.username, login.password) == ("reader-of-alpha", "canary-of-warehouse")
    assert known_secrets().found_in("canary-of-warehouse") is not None


def test_the_environment_is_not_written(alpha) -> None:
    for attempt in (lambda: alpha.put("KEY", CANARY), lambda: alpha.remove("KEY"), alpha.rotate_key):
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert CANARY not in str(caught.value)
    assert alpha.check()[0].ok
