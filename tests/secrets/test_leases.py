"""Users that Vault makes in a database: renewed, replaced, revoked, while a run goes on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from vault_double import Answer

from workbench.errors import ConfigurationError, SecretError, Unreachable
from workbench.secrets import secrets_of
from workbench.secrets.mapping import close_secrets
from workbench.secrets.redaction import known_secrets

RENEW, CREATE = ("PUT", "sys/leases/renew"), ("GET", "database/creds/alpha-read")


@pytest.fixture
def alpha(vault, configure, monkeypatch):
    """Secrets of alpha, by AppRole, with a database whose users live for as long as a test says."""

    def make(ttl: float, max_ttl: float, *, token_ttl: float = 3600, token_max_ttl: float = 7200):
        role, secret = vault.app_role("alpha", ttl=token_ttl, max_ttl=token_max_ttl)
        monkeypatch.setenv("ALPHA__VAULT_ROLE_ID", role)
        monkeypatch.setenv("ALPHA__VAULT_SECRET_ID", secret)
        vault.database_roles["alpha-read"] = {"ttl": ttl, "max_ttl": max_ttl}
        project = configure(
            f"kind: vault\naddress: {vault.address}\nauth: {{method: approle}}\n"
            'databases: {WAREHOUSE: {role: "{client}-read"}}\n'
        )
        return secrets_of(project, "alpha")

    return make


def is_valid(vault, login) -> bool:
    """What the database would say."""
    vault.expire()
    return any(lease["username"] == login.username for lease in vault.leases.values())


def test_everybody_in_a_process_has_one_user(vault, alpha) -> None:
    secrets = alpha(60, 600)
    assert vault.requests == []
    with ThreadPoolExecutor(4) as pool:
        logins = set(pool.map(lambda _: secrets.login("WAREHOUSE").username, range(8)))
    assert logins == {secrets["WAREHOUSE_USERNAME"]}
    assert secrets["WAREHOUSE_PASSWORD"] == secrets.login("WAREHOUSE").password
    assert vault.requests.count(CREATE) == 1
    assert sorted(secrets) == ["SMTP_PASSWORD", "WAREHOUSE_PASSWORD", "WAREHOUSE_USERNAME"]


def test_it_is_renewed_at_two_thirds_of_its_life(vault, alpha, eventually) -> None:
    secrets = alpha(1.5, 600)
    login, begun = secrets.login("WAREHOUSE"), time.monotonic()
    eventually(lambda: RENEW in vault.requests)
    assert time.monotonic() - begun >= 0.9
    assert is_valid(vault, login), "in time"
    eventually(lambda: vault.requests.count(RENEW) >= 2)
    assert secrets.login("WAREHOUSE") == login
    assert is_valid(vault, login)
    assert vault.requests.count(CREATE) == 1


def test_a_run_that_lasts_longer_than_max_ttl_goes_on(vault, alpha) -> None:
    """In every moment, the user that a node is given is one that the database knows, and lives for a while yet."""
    secrets = alpha(1.8, 3.0)
    begun, seen = time.monotonic(), []
    # Two of them at most live at once, so the third came after the first one's end.
    while len(seen) < 3 and time.monotonic() < begun + 60:
        login = secrets.login("WAREHOUSE")
        assert is_valid(vault, login)
        if login not in seen:
            assert all(is_valid(vault, old) for old in seen[-1:]), "who has a connection open can finish"
            seen.append(login)
        time.sleep(0.02)
    assert len(seen) >= 3
    assert all(known_secrets().found_in(login.password) for login in seen)


def test_a_lease_that_was_revoked_is_replaced_when_the_database_refuses_it(vault, alpha) -> None:
    secrets = alpha(60, 600)
    login = secrets.login("WAREHOUSE")
    vault.revoke_lease(next(iter(vault.leases)))
    assert secrets.login("WAREHOUSE") == login, "nobody has said so yet"
    another = secrets.login("WAREHOUSE", refused=login)
    assert another != login
    assert is_valid(vault, another)
    assert secrets.login("WAREHOUSE", refused=login) == another, "who comes later with the old one gets the new one"


def test_a_lease_that_was_revoked_is_replaced_at_the_latest_when_it_is_renewed(vault, alpha, eventually) -> None:
    secrets = alpha(1.0, 600)
    login = secrets.login("WAREHOUSE")
    vault.revoke_lease(next(iter(vault.leases)))
    eventually(lambda: secrets.login("WAREHOUSE") != login)
    assert is_valid(vault, secrets.login("WAREHOUSE"))


def test_the_users_end_with_the_token_that_they_were_made_with_so_a_new_token_makes_new_ones(vault, alpha) -> None:
    secrets = alpha(60, 600)
    login = secrets.login("WAREHOUSE")
    for token in list(vault.tokens):
        vault.revoke_token(token)
    assert secrets["SMTP_PASSWORD"]
    assert secrets.login("WAREHOUSE") != login
    assert is_valid(vault, secrets.login("WAREHOUSE"))


def test_the_token_itself_is_renewed_and_replaced_before_its_end(vault, alpha) -> None:
    secrets = alpha(60, 600, token_ttl=1.0, token_max_ttl=1.8)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert is_valid(vault, secrets.login("WAREHOUSE"))
        time.sleep(0.02)
    assert ("POST", "auth/token/renew-self") in vault.requests
    assert vault.requests.count(("POST", "auth/approle/login")) >= 2
    assert ("GET", "auth/token/lookup-self") not in vault.requests, "nothing was refused in between"


def test_an_outage_that_is_shorter_than_the_lease_is_not_noticed(vault, alpha, eventually, caplog) -> None:
    secrets = alpha(3.0, 600)
    login = secrets.login("WAREHOUSE")
    vault.sealed = True
    eventually(lambda: "the lease was not renewed" in caplog.text)
    assert secrets.login("WAREHOUSE") == login
    vault.sealed = False
    before = len(vault.requests)
    eventually(lambda: RENEW in vault.requests[before:])
    assert is_valid(vault, login)
    assert login.password not in caplog.text


def test_one_that_is_longer_is_told_to_who_asks_and_ends_by_itself(vault, alpha) -> None:
    secrets = alpha(0.5, 600)
    login = secrets.login("WAREHOUSE")
    vault.sealed = True
    time.sleep(0.9)
    with pytest.raises(Unreachable, match="sealed"):
        secrets.login("WAREHOUSE")
    vault.sealed = False
    assert secrets.login("WAREHOUSE") != login


def test_at_the_end_all_is_given_back(vault, alpha) -> None:
    secrets = alpha(60, 600)
    first = secrets.login("WAREHOUSE")
    secrets.login("WAREHOUSE", refused=first)
    assert len(vault.leases) == 2
    close_secrets()
    assert vault.leases == {}
    assert vault.tokens == {}


def test_that_it_cannot_be_given_back_holds_nobody_up(vault, alpha, caplog) -> None:
    secrets = alpha(60, 600)
    secrets.login("WAREHOUSE")
    vault.sealed = True
    begun = time.monotonic()
    close_secrets()
    assert time.monotonic() - begun < 2
    assert "a lease was not given back, and ends by itself" in caplog.text


def test_a_role_that_vault_does_not_know(vault, alpha) -> None:
    secrets = alpha(60, 600)
    vault.database_roles.clear()
    with pytest.raises(SecretError, match="database/creds/alpha-read: Vault does not take the request"):
        secrets.login("WAREHOUSE")
    with pytest.raises(ConfigurationError, match="made by Vault's database engine"):
        secrets.put("WAREHOUSE_PASSWORD", "canary-of-mine")


def test_another_clients_role_is_refused(vault, alpha) -> None:
    vault.policies["alpha"] = {**vault.policies["alpha"], "database/creds/alpha-read": set()}
    with pytest.raises(SecretError, match="403"):
        alpha(60, 600).login("WAREHOUSE")


def test_a_refusal_in_the_middle_of_creating_is_no_half_a_user(vault, alpha) -> None:
    secrets = alpha(60, 600)
    assert secrets["SMTP_PASSWORD"]
    vault.next_answers = [Answer(500), Answer(503)]
    login = secrets.login("WAREHOUSE")
    assert is_valid(vault, login)
    assert len(vault.leases) == 1
