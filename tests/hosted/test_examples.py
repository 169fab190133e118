"""What a fine-tuning service asks of examples; each rule has a line that breaks it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import DataError
from workbench.hosted import examples
from workbench.hosted.examples import check, lines_of, method_of

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def said(role: str, content: Any = "text", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


GOOD = chat(said("system"), said("user"), said("assistant"))
PAIR = {
    "input": {"messages": [said("user")]},
    "preferred_output": [said("assistant")],
    "non_preferred_output": [said("assistant", "worse")],
}


@pytest.mark.parametrize(
    "example",
    [
        GOOD,
        chat(said("developer"), said("user"), said("assistant", weight=0), said("user"), said("assistant", weight=1)),
        chat(said("user", name="ada"), said("assistant")),
        chat(
            said("user"),
            {"role": "assistant", "tool_calls": [CALL]},
            said("tool", tool_call_id="c1"),
            said("assistant"),
            tools=TOOLS,
            parallel_tool_calls=False,
        ),
        chat(said("user", [{"type": "text", "text": "hi"}]), said("assistant")),
    ],
)
def test_what_is_right_is_taken(example: dict[str, Any]) -> None:
    assert check([example] * 10, "file") == "supervised"


def test_preference_pairs_are_for_dpo() -> None:
    assert check([PAIR] * 10, "file") == "dpo"
    assert method_of([]) == "supervised"


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        ([], "is not a JSON object"),
        ({"messages": []}, "has no list of messages"),
        ({"messages": "hello"}, "has no list of messages"),
        ({**GOOD, "extra": 1}, "has keys other than functions, messages"),
        (chat("x"), "message 1 is not an object"),
        (chat(said("person"), said("assistant")), "message 1 has a role other than"),
        (chat(said("user"), said("assistant", mood="good")), "message 2 has keys other than"),
        (chat(said("user", weight=1), said("assistant")), "message 1 has a weight that is not 0 or 1"),
        (chat(said("user"), said("assistant", weight=2)), "message 2 has a weight"),
        (chat(said("user"), said("assistant", weight=True)), "message 2 has a weight"),
        (chat(said("user"), said("assistant", weight=0)), "no message of the assistant has a weight"),
        (chat(said("user", " "), said("assistant")), "message 1 has empty content"),
        (chat(said("user", None), said("assistant")), "message 1 has no content"),
        (chat(said("user", 7), said("assistant")), "neither text nor a list of parts"),
        (chat(said("user", name="a b"), said("assistant")), "message 1 has a name"),
        (chat(said("user"), said("assistant"), said("user")), "its last message is not the assistant's"),
        (chat(said("user"), {"role": "assistant", "tool_calls": [CALL]}), "calls a tool that the example's `tools`"),
        (chat(said("user"), {"role": "assistant", "tool_calls": [{}]}, tools=TOOLS), "has a tool call without id"),
        (chat(said("tool", tool_call_id="c9"), said("assistant"), tools=TOOLS), "answers a tool call that no message"),
        (chat(said("user", tool_calls=[CALL]), said("assistant"), tools=TOOLS), "is not the assistant's"),
        (chat(said("user"), said("assistant"), tools=[{"type": "function"}]), "number 1 of its tools has no name"),
        (chat(said("user"), said("assistant"), tools="all"), "its tools are not a list"),
        (chat(said("user"), said("assistant"), tools={"type": "function"}), "its tools are not a list"),
        (chat(said("user"), said("assistant"), functions=[{"name": "a b"}]), "number 1 of its functions has no name"),
        (chat(said("user"), {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]}, tools=TOOLS), "without id"),
        (
            chat(
                said("user"),
                {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "weather"}}]},
                tools=TOOLS,
            ),
            "function.arguments as text",
        ),
        (chat(said("user"), said("assistant", tool_calls={"c1": CALL}), tools=TOOLS), "tool calls that are not a list"),
        (chat(said([]), said("assistant")), "message 1 has a role other than"),
        ({"messages": {"0": said("user")}}, "has no list of messages"),
        (PAIR, "is of the other kind"),
    ],
)
def test_a_wrong_line_is_named(example: Any, problem: str) -> None:
    given = [GOOD] * 10 + [example, GOOD, example]
    with pytest.raises(DataError, match=problem) as caught:
        check(given, "client acme, tune_train.jsonl")
    assert caught.value.where == "client acme, tune_train.jsonl:11"
    assert "1 more lines after it" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"score": 1}, "has keys other than input"),
        ({"input": {}}, "its input has no list"),
        ({"input": {"messages": []}}, "its input has no list"),
        ({"input": [said("user")]}, "its input has no list"),
        ({"input": {"messages": [said("user"), said("assistant")]}}, "the messages of its input end with"),
        ({"preferred_output": []}, "its preferred_output is not a list of one message"),
        ({"preferred_output": {"role": "assistant"}}, "its preferred_output is not a list of one message"),
        ({"non_preferred_output": [said("user")]}, "its non_preferred_output: the message is not the assistant's"),
        ({"non_preferred_output": [said("assistant", "")]}, "its non_preferred_output: message 1 has empty content"),
    ],
)
def test_a_wrong_pair_is_named(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        check([*[PAIR] * 10, {**PAIR, **change}], "file")


NAMES = "messages role content weight name tools functions function arguments tool_calls tool_call_id id input"
WORDS = st.sampled_from([*NAMES.split(), "preferred_output", "user", "assistant", "tool", "weather", "c1", "", " "])
PLAIN = st.none() | st.booleans() | st.integers(-1, 2) | st.floats(allow_nan=False) | WORDS
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


@given(JSON, st.sampled_from(["messages", "tools", "role", "content", "weight", "name", "tool_calls", "tool_call_id"]))
def test_whatever_a_line_holds_it_is_taken_or_named(value: Any, key: str) -> None:
    """Any JSON at any place of an example: no other error comes of it than the one that names the line."""
    last = {"role": "assistant", "tool_calls": [CALL]}
    lines: list[Any] = [value, {**GOOD, key: value}, chat(said("user"), {**last, key: value}, tools=TOOLS)]
    lines += [chat({**said("tool"), key: value}, said("assistant")), {**PAIR, "preferred_output": value}]
    lines += [{**PAIR, "input": value}, {**PAIR, "input": {"messages": [{**said("user"), key: value}]}}]
    for line in lines:
        with suppress(DataError):
            check([line], "file", fewest=1)


def test_a_file_that_the_service_would_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "LARGEST_FILE", 100)
    assert len(lines_of([GOOD])) > 100
    with pytest.raises(DataError, match=r"file: is \d+ bytes, and the service takes 100\b"):
        check([GOOD], "file", fewest=1)


def test_too_few_are_refused() -> None:
    with pytest.raises(DataError, match="has 9 examples, and the service asks for at least 10"):
        check([GOOD] * 9, "file")
    assert check([GOOD], "file", fewest=1) == "supervised"


def test_a_message_shows_no_value_of_a_row() -> None:
    with pytest.raises(DataError) as caught:
        check([chat(said("secret-role"), said("assistant", "private text"))] * 10, "file")
    assert "secret-role" not in str(caught.value)
    assert "private" not in str(caught.value)


def test_the_same_examples_are_the_same_bytes() -> None:
    lines = lines_of([{"messages": [said("user", "größe")]}])
    assert lines == '{"messages": [{"role": "user", "content": "größe"}]}\n'.encode()
