"""Secrets are replaced by the name of their key and by their shape; what only looks like one stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.secrets.redaction import REDACTED, redact, redact_text


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "db_password",
        "PASSWORD",
        "apiKey",
        "api_key",
        "api-key",
        "client.secret",
        "authToken",
        "token",
        "private_key",
        "connection_string",
        "Authorization",
    ],
)
def test_a_secret_key_loses_its_value(key: str) -> None:
    assert redact({"a": [{key: "hunter2"}]}) == {"a": [{key: REDACTED}]}


@pytest.mark.parametrize(
    "key", ["key", "max_tokens", "tokenizer", "author", "passengers", "monkey", "primary_key", "margin"]
)
def test_what_only_sounds_like_one_stays(key: str) -> None:
    assert redact({key: "flight_id"}) == {key: "flight_id"}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://smith:hunter2@db.example/x",
        "could not open https://smith:hunter2@mlflow.example: refused",
        "password=hunter2 host=db",
        "token: hunter2",
        '{"api_key": "hunter2"}',
        "Authorization: Bearer hunter2",
        "AWS_SECRET_ACCESS_KEY=hunter2",
    ],
)
def test_a_text_loses_what_has_the_shape_of_a_secret(text: str) -> None:
    assert "hunter2" not in redact_text(text)
    assert REDACTED in redact_text(text)
    assert redact({"messages": [text]}) == {"messages": [redact_text(text)]}


def test_an_address_without_a_password_stays() -> None:
    for text in ("https://mlflow.example/#/models", "sqlite:////home/a@b/mlflow.db", "owner: fleet@smithright.example"):
        assert redact_text(text) == text


@given(
    st.recursive(st.integers() | st.text("abc "), lambda inner: st.lists(inner) | st.dictionaries(st.just("x"), inner))
)
def test_what_holds_no_secret_comes_back_as_it_was(value: object) -> None:
    assert redact(value) == value
