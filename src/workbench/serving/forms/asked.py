"""What every form of a request comes down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.serving.contract import Contract, Predicted
from workbench.serving.refusals import Refusal
from workbench.serving.rows import Rows

__all__ = ["Answer", "Asked", "Form", "object_of"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        rows: what is to be predicted.
        id: what the request calls itself, if its form has a place for that.
        outputs: the columns that are wanted; None: all.
    """

    rows: Rows
    id: str | None = None
    outputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, before it has a form."""

    model: str
    version: str
    request_id: str
    asked: Asked
    predicted: Predicted


class Form(Protocol):
    """A protocol's form."""

    def parse(self, body: Any, contract: Contract) -> Asked:
        """From parsed JSON.

        Raises:
            Refusal: it is not of this form, or a value is not what its column holds.
        """
        ...

    def answer(self, answer: Answer) -> dict[str, Any]:
        """To JSON."""
        ...


def object_of(body: Any) -> Mapping[str, Any]:
    """The body, if it is an object."""
    if type(body) is not dict:
        raise Refusal(422, "the body is not a JSON object")
    return body
