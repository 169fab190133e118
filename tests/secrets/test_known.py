"""A secret is found however it is written, named by its name, and never shown."""

from __future__ import annotations

import base64
import html
import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.hooks.secrets import SecretHooks
from workbench.secrets.redaction import Secrets, forget, known_secrets, remember, remember_credentials
from workbench.secrets.redaction import known as module

CANARY = 'canary<&"ü\\ 8f3a1c'
FORMS = {
    "as it is": lambda value: value,
    "in HTML": html.escape,
    "in HTML text": lambda value: html.escape(value, quote=False),
    "in JSON": lambda value: json.dumps({"x": value}),
    "in JSON with letters": lambda value: json.dumps({"x": value}, ensure_ascii=False),
    "as Python writes it": repr,
    "as Python writes its bytes": lambda value: repr(value.encode()),
    "in an address": lambda value: f"https://x.example/?q={quote(value, safe='')}",
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64, among others": lambda value: base64.b64encode(f"user:{value}@host".encode()).decode(),
    "in a picture": lambda value: f"data:image/svg+xml;base64,{base64.b64encode(html.escape(value).encode()).decode()}",
}


@pytest.fixture(autouse=True)
def _nothing_known():
    yield
    forget()


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_and_taken_out_however_it_is_written(form) -> None:
    secrets = Secrets({"variable X": CANARY})
    text = f"before {FORMS[form](CANARY)} after"
    found = secrets.found_in(text)
    assert found is not None
    assert found[0] == "variable X"
    assert secrets.found_in("before and after") is None
    if "picture" not in form:
        assert secrets.found_in(secrets.scrubbed(text)) is None


@given(st.text(min_size=8, max_size=30), st.binary(max_size=6), st.binary(max_size=6))
def test_base64_hides_nothing_whatever_stands_around_it(value, before, after) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(before + value.encode() + after).decode()
        assert Secrets({"x": value}).found_in(coded) is not None


def test_variables_that_sound_like_secrets_are_known_and_others_are_not(monkeypatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-of-a-key")
    monkeypatch.setenv("DB_PASSWORD", "canary-of-a-password")
    monkeypatch.setenv("PIN_TOKEN", "1234567")
    monkeypatch.setenv("PWD", "/canary/folder")
    monkeypatch.setenv("FAVOURITE_COLOUR", "canary-blue")
    assert known_secrets().found_in("x canary-of-a-key") == ("environment variable SOME_API_KEY", 2)
    assert known_secrets().found_in("canary-of-a-password") is not None
    assert known_secrets().found_in("canary-blue") is None
    assert known_secrets().found_in("/canary/folder") is None
    assert known_secrets().found_in("1234567") is None, "too short: it would be found by chance"


def test_the_credentials_of_a_run_are_known_once_it_renders() -> None:
    hooks = SecretHooks()
    loader = {"credentials": {"db": {"con": "postgres://canary-connection"}, "keys": ["canary-list"]}}
    hooks.after_context_created(SimpleNamespace(config_loader=loader))
    hooks.before_node_run(SimpleNamespace(name="gather_model_card"))
    assert known_secrets().found_in("canary-list") is None, "nothing is read before it is needed"
    loader["credentials"]["late"] = "canary-of-a-later-hook"
    hooks.before_node_run(SimpleNamespace(name="render_model_card"))
    assert known_secrets().found_in("canary-list") == ("credentials.keys.0", 0)
    assert known_secrets().found_in("postgres://canary-connection") == ("credentials.db.con", 0)
    assert known_secrets().found_in("canary-of-a-later-hook") == ("credentials.late", 0)
    hooks.after_context_created(SimpleNamespace(config_loader={}))
    hooks.before_node_run(SimpleNamespace(name="render_model_card"))
    assert module._credentials == {}, "another client's are forgotten"


def test_an_older_value_of_a_name_stays_a_secret() -> None:
    """A password of a lease is replaced in the middle of a run; what was written with the old one may still come."""
    for value in ("canary-of-monday", "canary-of-tuesday", "canary-of-monday", ""):
        remember("PASSWORD", value)
    remember("PASSWORD_2", "canary-of-another")
    assert known_secrets().found_in("canary-of-monday") == ("PASSWORD", 0)
    assert known_secrets().found_in("canary-of-tuesday") == ("PASSWORD (2)", 0)
    assert sorted(module._fetched) == ["PASSWORD", "PASSWORD (2)", "PASSWORD_2"], "what is fetched again is one"


def test_what_is_forgotten_is_found_no_more() -> None:
    """A process that turns to another client would name to it the variables of the one before."""
    remember("PASSWORD", "canary-fetched")
    remember_credentials({"db": "canary-credential"})
    forget()
    assert known_secrets().found_in("canary-fetched canary-credential") is None


def test_of_several_the_first_place_is_told() -> None:
    secrets = Secrets({"X": CANARY})
    assert secrets.found_in(f"{html.escape(CANARY)} {CANARY}") == ("X", 0)


def test_a_secret_says_nothing_of_itself() -> None:
    assert "canary" not in repr(Secrets({"X": CANARY}))


def test_one_that_begins_like_another_leaves_no_rest() -> None:
    secrets = Secrets({"short": "canary-1", "long": "canary-1-and-more"})
    assert secrets.scrubbed("canary-1-and-more canary-1") == "[redacted] [redacted]"


def test_a_short_one_with_signs_in_it_is_taken_as_it_is() -> None:
    secrets = Secrets({"pin": "a.c+", "tiny": "abc"})
    assert secrets.scrubbed("a.c+ abcc a.c+x abc") == "[redacted] abcc a.c+x abc"
