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
from workbench.secrets.redaction import Secrets, known_secrets, remember_credentials
from workbench.secrets.redaction import known as module

CANARY = 'canary<&"ü\\ 8f3a1c'
FORMS = {
    "as it is": lambda value: value,
    "in HTML": html.escape,
    "in HTML text": lambda value: html.escape(value, quote=False),
    "in JSON": lambda value: json.dumps({"x": value}),
    "in JSON with letters": lambda value: json.dumps({"x": value}, ensure_ascii=False),
    "in an address": lambda value: f"https://x.example/?q={quote(value, safe='')}",
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64, among others": lambda value: base64.b64encode(f"user:{value}@host".encode()).decode(),
    "in a picture": lambda value: f"data:image/svg+xml;base64,{base64.b64encode(html.escape(value).encode()).decode()}",
}


@pytest.fixture(autouse=True)
def _no_credentials():
    yield
    remember_credentials({})


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
    coded = base64.b64encode(before + value.encode() + after).decode()
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
