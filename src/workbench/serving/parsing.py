"""From the bytes of a body to rows: within limits, and with a refusal for whatever else came."""

from __future__ import annotations

import json
from typing import Any

import orjson

from workbench.serving.contract import Contract
from workbench.serving.forms import Asked, Form
from workbench.serving.refusals import Refusal

__all__ = ["parse"]


def parse(body: bytes, form: Form, contract: Contract, *, depth: int) -> Asked:
    """Read a body.

    Args:
        body: its size was looked at before.
        form: what it is to be.
        contract: of the model.
        depth: how deep it may be nested.

    Raises:
        Refusal: 400 for what is no JSON, 422 for what is not of the form.
    """
    try:
        content = orjson.loads(body)  # refuses NaN, infinities, and more than 1024 levels before it builds them
    except orjson.JSONDecodeError as error:
        raise _explained(body, form, contract, error) from None
    if _is_deeper(content, depth):
        raise Refusal(422, f"the body is nested deeper than {depth} levels")
    return form.parse(content, contract)


def _is_deeper(content: Any, depth: int) -> bool:
    level = [content]
    for _ in range(depth + 1):
        level = [
            child
            for value in level
            if type(value) is dict or type(value) is list
            for child in (value.values() if type(value) is dict else value)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _explained(body: bytes, form: Form, contract: Contract, error: orjson.JSONDecodeError) -> Refusal:
    """Which column of which row has the NaN that Python's own ``json`` writes; else, that it is no JSON."""
    refusal = Refusal(400, f"the body is not JSON: {error.msg.split(':')[0]}, character {error.pos}", reason="no_json")
    if "depth" in error.msg:
        return Refusal(422, "the body is nested too deep")
    if not any(word in body for word in (b"NaN", b"Infinity", b"e", b"E")):
        return refusal
    try:
        asked = form.parse(json.loads(body), contract)
        contract.refuse_infinite(asked.rows)
    except Refusal as found:
        return found
    except (ValueError, OverflowError, RecursionError):
        return refusal
    return refusal
