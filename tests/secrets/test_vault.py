"""Vault: logins, secrets, what is refused and what is tried again; never a value in an error, never one on the disk."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from vault_double import Answer

from workbench.errors import ConfigurationError, SecretError, SecretMissing, Unreachable
from workbench.secrets import secrets_of
from workbench.secrets.redaction import known_secrets


@pytest.fixture
def connect(vault, configure, monkeypatch):
    """The secrets of a client that logs in by a token of its policy."""

    def make(client: str = "alpha", *, auth: str = "method: token", more: str = ""):
        project = configure(f"kind: vault\naddress: {vault.address}\nauth: {{{auth}}}\n{more}")
        monkeypatch.setenv(f"{client.upper()}__VAULT_TOKEN", vault.token(client))
        return secrets_of(project, client)

    return make


def by_approle(vault, monkeypatch, **terms: float) -> tuple[str, str]:
    role, secret = vault.app_role("alpha", **terms)
    monkeypatch.setenv("ALPHA__VAULT_ROLE_ID", role)
    monkeypatch.setenv("ALPHA__VAULT_SECRET_ID", secret)
    return role, secret


def test_a_secret_is_read_when_it_is_asked_for_and_not_kept(vault, connect) -> None:
    secrets = connect()
    assert vault.requests == [], "nothing is asked before"
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"
    assert list(secrets) == ["SMTP_PASSWORD"]
    vault.kv["clients/alpha/SMTP_PASSWORD"].append('{"value": "canary-rotated"}')
    assert secrets["SMTP_PASSWORD"] == "canary-rotated"
    assert known_secrets().found_in("canary-of-alpha") is not None, "the older one is still looked for"


def test_every_request_says_that_it_is_meant_for_vault(vault, connect) -> None:
    connect().get("SMTP_PASSWORD")
    assert all(headers["X-Vault-Request"] == "true" for headers in vault.headers)


def test_the_policy_of_one_client_gives_nothing_of_anothers(vault, connect, monkeypatch) -> None:
    """Also when a process of alpha got hold of beta's configuration: the token is what counts."""
    secrets = connect("beta")
    monkeypatch.setenv("BETA__VAULT_TOKEN", vault.token("alpha"))
    for attempt in (lambda: secrets["SMTP_PASSWORD"], lambda: secrets["NO_SUCH"], lambda: list(secrets)):
        with pytest.raises(SecretError) as caught:
            attempt()
        assert "secret/" in str(caught.value)
        assert "clients/beta" in str(caught.value)
        assert "does not permit it (HTTP 403)" in str(caught.value)
        assert "canary" not in str(caught.value)


def test_the_policy_does_not_let_a_client_write(connect) -> None:
    for attempt in (lambda s: s.put("SMTP_PASSWORD", "canary-new-value"), lambda s: s.remove("SMTP_PASSWORD")):
        with pytest.raises(SecretError) as caught:
            attempt(connect())
        assert "canary" not in str(caught.value)


def test_who_may_write_sets_and_removes(vault, connect, monkeypatch) -> None:
    secrets = connect()
    vault.policies["keeper"] = {
        "secret/data/clients/alpha/*": {"create", "update"},
        "secret/metadata/clients/alpha/*": {"list", "delete"},
    }
    monkeypatch.setenv("ALPHA__VAULT_TOKEN", vault.token("keeper"))
    secrets.put("NEW", "canary-new-value")
    assert list(secrets) == ["NEW", "SMTP_PASSWORD"]
    with pytest.raises(SecretError):
        secrets["NEW"]
    assert secrets.remove("NEW")
    assert not secrets.remove("NEW")
    assert "clients/alpha/NEW" not in vault.kv


def test_the_operators_own_token_is_not_taken(vault, connect, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.token("alpha", "beta"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".vault-token").write_text(vault.token("alpha", "beta"))
    secrets = connect()
    monkeypatch.delenv("ALPHA__VAULT_TOKEN")
    assert [check.ok for check in secrets.check()] == [True, False]
    with pytest.raises(SecretMissing, match="ALPHA__VAULT_TOKEN is not set"):
        secrets["SMTP_PASSWORD"]
    assert vault.requests == [("GET", "sys/health")]
    assert not any(headers.get("X-Vault-Token") for headers in vault.headers)


def test_approle(vault, connect, monkeypatch) -> None:
    by_approle(vault, monkeypatch)
    secrets = connect(auth="method: approle")
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"
    monkeypatch.setenv("ALPHA__VAULT_SECRET_ID", "canary-wrong-id")
    secrets.close()
    with pytest.raises(SecretError) as caught:
        secrets["SMTP_PASSWORD"]
    assert "does not accept the login by approle (HTTP 400)" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_kubernetes_reads_the_service_accounts_token_anew(vault, connect, tmp_path) -> None:
    jwt = tmp_path / "token"
    secrets = connect(auth=f"method: kubernetes, mount: k8s, jwt: {jwt}")
    with pytest.raises(SecretMissing, match="service account's token cannot be read"):
        secrets["SMTP_PASSWORD"]
    vault.roles["k8s/workbench-alpha"] = {"jwt": "canary-of-the-pod", "policies": ["alpha"]}
    jwt.write_text("canary-of-an-older-pod\n")
    with pytest.raises(SecretError, match="login by kubernetes"):
        secrets["SMTP_PASSWORD"]
    jwt.write_text("canary-of-the-pod\n")
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"


def test_gcp_asks_the_metadata_server(vault, connect, monkeypatch) -> None:
    asked = []

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Metadata-Flavor"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"canary-of-the-machine")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.server_port}")
    vault.roles["gcp/wb-alpha"] = {"jwt": "canary-of-the-machine", "policies": ["alpha"]}
    try:
        assert connect(auth='method: gcp, role: "wb-{client}"')["SMTP_PASSWORD"] == "canary-of-alpha"
    finally:
        server.shutdown()
        server.server_close()
    assert asked == [
        (
            "/computeMetadata/v1/instance/service-accounts/default/identity?audience=http%3A%2F%2Fvault%2Fwb-alpha&format=full",
            "Google",
        )
    ]


def test_a_token_revoked_in_the_middle_costs_one_new_login_and_then_it_ends(vault, connect, monkeypatch) -> None:
    by_approle(vault, monkeypatch)
    secrets = connect(auth="method: approle")
    assert secrets["SMTP_PASSWORD"]
    for token in list(vault.tokens):
        vault.revoke_token(token)
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"
    assert vault.requests.count(("POST", "auth/approle/login")) == 2
    for token in list(vault.tokens):
        vault.revoke_token(token)
    vault.app_roles.clear()
    with pytest.raises(SecretError, match="does not accept the login"):
        secrets["SMTP_PASSWORD"]
    assert vault.requests.count(("POST", "auth/approle/login")) == 3


def test_what_the_policy_does_not_give_is_no_reason_for_a_new_login(vault, connect, monkeypatch) -> None:
    by_approle(vault, monkeypatch)
    secrets = connect(auth="method: approle")
    vault.policies["alpha"] = {}
    for _ in range(3):
        with pytest.raises(SecretError, match="403"):
            secrets["SMTP_PASSWORD"]
    assert vault.requests.count(("POST", "auth/approle/login")) == 1


def test_a_plain_token_that_was_revoked_ends_it(vault, connect) -> None:
    secrets = connect()
    assert secrets["SMTP_PASSWORD"]
    for token in list(vault.tokens):
        vault.revoke_token(token)
    with pytest.raises(SecretError, match="403"):
        secrets["SMTP_PASSWORD"]


@pytest.mark.parametrize("status", [412, 429, 472, 473, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(vault, connect, status: int) -> None:
    secrets = connect()
    assert secrets["SMTP_PASSWORD"]
    vault.next_answers = [Answer(status, "not now")] * 3
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"


@pytest.mark.parametrize("status", [400, 405, 501])
def test_what_will_not_pass_is_not(vault, connect, status: int) -> None:
    secrets = connect()
    assert secrets["SMTP_PASSWORD"]
    before = len(vault.requests)
    vault.next_answers = [Answer(status, "canary-in-the-answer")]
    with pytest.raises(SecretError) as caught:
        secrets["SMTP_PASSWORD"]
    assert f"HTTP {status}" in str(caught.value)
    assert "secret/data/clients/alpha/SMTP_PASSWORD" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert len(vault.requests) == before + 1


def test_it_waits_as_long_as_vault_asks_for_if_that_is_not_too_long(vault, connect, monkeypatch) -> None:
    waited = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    secrets = connect()
    assert secrets["SMTP_PASSWORD"]
    vault.next_answers = [Answer(429, headers={"Retry-After": "7"})]
    assert secrets["SMTP_PASSWORD"]
    assert waited == [7.0]
    vault.next_answers = [Answer(429, headers={"Retry-After": "3600"})]
    with pytest.raises(Unreachable) as caught:
        secrets["SMTP_PASSWORD"]
    assert caught.value.retry_after == 3600
    assert waited == [7.0]


def test_sealed(vault, connect) -> None:
    secrets = connect()
    vault.sealed = True
    with pytest.raises(Unreachable) as caught:
        secrets["SMTP_PASSWORD"]
    assert str(caught.value) == (
        f"Vault {vault.address}, auth/token/lookup-self: Vault is sealed. "
        "Next: have it unsealed: `vault operator unseal`"
    )
    assert len(vault.requests) == 5, "as often as `attempts` says"
    vault.sealed = False
    assert secrets["SMTP_PASSWORD"] == "canary-of-alpha"


def test_down_and_up_again(vault, connect, configure) -> None:
    secrets = connect()
    assert secrets["SMTP_PASSWORD"]
    vault.stop()
    with pytest.raises(Unreachable, match=r"Vault does not answer \(ConnectionError\)"):
        secrets["SMTP_PASSWORD"]
    assert not secrets.check()[0].ok


@pytest.mark.parametrize("body", [b"<html>canary login page</html>", b'{"data": {"da', b""])
def test_a_proxys_page_is_not_taken_for_vaults_answer(vault, connect, body: bytes) -> None:
    secrets = connect(more="attempts: 2\n")
    assert secrets["SMTP_PASSWORD"]
    vault.next_answers = [Answer(200, body=body), Answer(200, body=body)]
    with pytest.raises(Unreachable) as caught:
        secrets["SMTP_PASSWORD"]
    assert "no JSON" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_what_is_not_there_or_was_deleted_or_has_no_value(vault, connect) -> None:
    secrets = connect()
    with pytest.raises(SecretMissing) as caught:
        secrets["NO_SUCH"]
    assert f"tried: Vault {vault.address}, secret/clients/alpha/NO_SUCH" in str(caught.value)
    vault.kv["clients/alpha/GONE"] = ['{"value": "canary-once"}', None]
    assert secrets.get("GONE") is None
    vault.kv["clients/alpha/OTHER"] = ['{"password": "canary-in-another-field"}']
    with pytest.raises(SecretError, match="no field `value`") as other:
        secrets["OTHER"]
    assert "canary" not in str(other.value)
    vault.kv.clear()
    assert list(secrets) == []


def test_check_says_how_far_it_gets(vault, connect, monkeypatch) -> None:
    secrets = connect()
    assert [(check.ok, check.message) for check in secrets.check()] == [
        (True, "answers, and is unsealed"),
        (True, "accepted, for 3,599 s"),
        (True, "1 names"),
    ]
    secrets.close()
    vault.policies["alpha"] = {}
    assert [check.ok for check in secrets.check()] == [True, True, False]
    secrets.close()
    monkeypatch.setenv("ALPHA__VAULT_TOKEN", "canary-that-vault-does-not-know")
    checks = secrets.check()
    assert [check.ok for check in checks] == [True, False]
    assert "canary" not in str(checks)
    vault.sealed = True
    assert [(check.ok, "it is sealed (HTTP 503)" in check.message) for check in secrets.check()] == [(False, True)]


def test_a_database_that_is_not_named(connect) -> None:
    with pytest.raises(ConfigurationError, match="there is no database WAREHOUSE"):
        connect().login("WAREHOUSE")
