"""What a fine-tuning service asks of a file of examples, looked at before a byte is sent.

The rules are those of OpenAI's guides "Supervised fine-tuning" and "Direct preference optimization"
(https://developers.openai.com/api/docs/guides/supervised-fine-tuning, …/direct-preference-optimization), which Azure
OpenAI shares (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from workbench.errors import DataError

__all__ = ["FEWEST", "LARGEST_FILE", "Method", "check", "lines_of", "method_of"]

Method = Literal["supervised", "dpo"]

FEWEST = 10
"""Examples, of either kind."""
LARGEST_FILE = 512_000_000
"""Bytes; the Files API takes no larger one for fine-tuning."""

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
KEYS = frozenset({"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal"})
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
EXAMPLE_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})

Example = Mapping[str, Any]


def method_of(examples: Sequence[Example]) -> Method:
    """``dpo`` if the examples are preference pairs, else ``supervised``; mixed ones are found by :func:`check`."""
    first = examples[0] if examples else {}
    return "dpo" if isinstance(first, Mapping) and "preferred_output" in first else "supervised"


def lines_of(examples: Sequence[Example]) -> bytes:
    """The file: one JSON object a line, UTF-8, keys as given; the same examples are the same bytes."""
    return "".join(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in examples).encode()


def check(examples: Sequence[Example], where: str, *, fewest: int = FEWEST) -> Method:
    """Hold examples against the service's rules.

    Args:
        examples: in the order of the file's lines.
        where: the file; line numbers are added.
        fewest: how many there must be; validation files need one.

    Returns:
        The method that they are for.

    Raises:
        DataError: the first line that breaks a rule, with how many more do. No value of a row is in the message.
    """
    if len(examples) < fewest:
        raise DataError(
            f"has {len(examples)} examples, and the service asks for at least {fewest}",
            where=where,
            hint="bring more examples, or make tune.examples.validation and test smaller",
        )
    method = method_of(examples)
    problems = [(line, problem) for line, one in enumerate(examples, 1) if (problem := _problem(one, method))]
    if problems:
        line, problem = problems[0]
        more = f" (and {len(problems) - 1} more lines after it)" if len(problems) > 1 else ""
        raise DataError(problem, where=f"{where}:{line}", hint=f"correct it{more}; docs/hosted-tuning.md has the rules")
    size = len(lines_of(examples))
    if size > LARGEST_FILE:
        raise DataError(
            f"is {size:,} bytes, and the service takes {LARGEST_FILE:,}", where=where, hint="bring fewer examples"
        )
    return method


def _problem(example: Any, method: Method) -> str:
    if not isinstance(example, Mapping):
        return "is not a JSON object"
    if ("preferred_output" in example) != (method == "dpo"):
        return "is of the other kind: all lines are chat examples, or all are preference pairs"
    return _pair(example) if method == "dpo" else _chat(example)


def _chat(example: Example) -> str:
    if set(example) - EXAMPLE_KEYS:
        return f"has keys other than {', '.join(sorted(EXAMPLE_KEYS))}"
    messages = example.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        return "has no list of messages"
    problem = _tools(example) or _messages(messages, example)
    if problem:
        return problem
    if messages[-1]["role"] != "assistant":
        return "its last message is not the assistant's"
    weights = [one.get("weight", 1) for one in messages if one["role"] == "assistant"]
    return "" if any(weights) else "no message of the assistant has a weight: nothing would be learned"


def _pair(example: Example) -> str:
    if set(example) - {"input", "preferred_output", "non_preferred_output"}:
        return "has keys other than input, preferred_output and non_preferred_output"
    given = example.get("input")
    messages = given.get("messages") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(messages, Sequence) or not messages:
        return "its input has no list of messages"
    problem = _tools(given) or _messages(messages, given)
    if not problem and messages[-1]["role"] == "assistant":
        problem = "the messages of its input end with the assistant's; the two outputs are what follows"
    return problem or _outputs(example, given)


def _outputs(example: Example, given: Mapping[str, Any]) -> str:
    for name in ("preferred_output", "non_preferred_output"):
        output = example.get(name)
        if not isinstance(output, Sequence) or len(output) != 1:
            return f"its {name} is not a list of one message"
        problem = _messages(output, given)
        if not problem and output[0]["role"] != "assistant":
            problem = "the message is not the assistant's"
        if problem:
            return f"its {name}: {problem}"
    return ""


def _tools(example: Example) -> str:
    """What the examples may call; one entry of ``tools`` is ``{"type": "function", "function": {"name", …}}``."""
    for kind in ("tools", "functions"):
        listed = example.get(kind, [])
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            return f"its {kind} are not a list"
        for number, one in enumerate(listed, 1):
            function = one.get("function") if kind == "tools" and isinstance(one, Mapping) else one
            if not isinstance(function, Mapping) or not NAME.fullmatch(str(function.get("name", ""))):
                return f"number {number} of its {kind} has no name of letters, digits, _ and -"
    return ""


def _messages(messages: Sequence[Any], example: Example) -> str:
    named = {one["function"]["name"] for one in example.get("tools", [])}
    called: set[str] = set()
    for number, message in enumerate(messages, 1):
        problem = _message(message, named, called)
        if problem:
            return f"message {number} {problem}"
    return ""


def _message(message: Any, named: set[str], called: set[str]) -> str:
    if not isinstance(message, Mapping):
        return "is not an object"
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        return f"has a role other than {', '.join(sorted(ROLES))}"
    if set(message) - KEYS:
        return f"has keys other than {', '.join(sorted(KEYS))}"
    weight = message.get("weight", 1)
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if "weight" in message and (role != "assistant" or not is_number or weight not in {0, 1}):
        return "has a weight that is not 0 or 1, or is not the assistant's"
    if "name" in message and not NAME.fullmatch(str(message["name"])):
        return "has a name of other than letters, digits, _ and -"
    return _calls(message, named, called) or _content(message)


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        is_call = message["role"] == "assistant" and (message.get("tool_calls") or message.get("function_call"))
        return "" if is_call else "has no content"
    if isinstance(content, str):
        return "" if content.strip() else "has empty content"
    return "" if isinstance(content, Sequence) and content else "has a content that is neither text nor a list of parts"


def _calls(message: Mapping[str, Any], named: set[str], called: set[str]) -> str:
    role, answered, calls = message["role"], message.get("tool_call_id"), message.get("tool_calls") or []
    if role == "tool" and (not isinstance(answered, str) or answered not in called):
        return "answers a tool call that no message before it makes"
    if calls and role != "assistant":
        return "has tool calls and is not the assistant's"
    if not isinstance(calls, Sequence):
        return "has tool calls that are not a list"
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str) or not call.get("id"):
            return "has a tool call without id, function.name and function.arguments as text"
        name = function.get("name")
        if not isinstance(name, str) or name not in named:
            return "calls a tool that the example's `tools` do not name"
        called.add(str(call["id"]))
    return ""
