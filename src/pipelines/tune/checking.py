"""From a row to chat messages, or to one sentence that says what is wrong with it.

The result is what fine-tuning services take, among them Azure OpenAI: ``{"messages": [{"role", "content"}, …]}``.
"""

from __future__ import annotations

from typing import Any

from pipelines.tune.parameters import ExampleSettings

__all__ = ["Invalid", "rejected_of", "to_messages"]

Message = dict[str, str]

ROLES = ("system", "user", "assistant")


class Invalid(ValueError):
    """What is wrong with a row: a clause, without any of its values."""


def to_messages(row: Any, settings: ExampleSettings) -> list[Message]:
    """The messages of a row: at most one of the system's, first; then user and assistant in turn; the assistant's last.

    Raises:
        Invalid: it is not that.
    """
    if not isinstance(row, dict):
        raise Invalid("is not a JSON object")
    if settings.messages and settings.messages in row:
        messages = [_message(one, number) for number, one in enumerate(_list(row[settings.messages]), 1)]
    else:
        messages = [
            {"role": "user", "content": _text(row, settings.prompt)},
            {"role": "assistant", "content": _text(row, settings.response)},
        ]
    _check_turns(messages)
    if settings.system and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": settings.system})
    return messages


def rejected_of(row: Any, settings: ExampleSettings) -> str | None:
    """The worse answer of a preference pair, or None.

    Raises:
        Invalid: it is no text.
    """
    return _text(row, settings.rejected) if settings.rejected in row else None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Invalid("its messages are not a list of at least two")
    return value


def _message(value: Any, number: int) -> Message:
    if not isinstance(value, dict):
        raise Invalid(f"message {number} is not an object with role and content")
    unknown = sorted(set(value) - {"role", "content"})
    if unknown:
        raise Invalid(f"message {number} has keys other than role and content")
    if value.get("role") not in ROLES:
        raise Invalid(f"message {number} has a role other than {', '.join(ROLES)}")
    content = value.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Invalid(f"message {number} has no text in content")
    return {"role": value["role"], "content": _clean(content, f"message {number}")}


def _text(row: dict[str, Any], field: str) -> str:
    if field not in row:
        raise Invalid(f"has no '{field}'")
    value = row[field]
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"'{field}' is not a text, or an empty one")
    return _clean(value, f"'{field}'")


def _clean(text: str, what: str) -> str:
    """A lone surrogate can be written in JSON but not in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"{what} holds half of a character (a lone surrogate)") from error
    return text


def _check_turns(messages: list[Message]) -> None:
    roles = [message["role"] for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        raise Invalid("a system message stands behind another message")
    if not turns or len(turns) % 2 or turns != ["user", "assistant"] * (len(turns) // 2):
        raise Invalid("its messages do not go user, assistant, in turn, and end with the assistant's")
