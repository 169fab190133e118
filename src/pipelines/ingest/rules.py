"""What a value may be: each rule of the schema as a sentence and an expression that is true where it is broken.

A rule never fails on a missing value; whether a value may be missing is a rule of its own. The sentences hold column
names and what the schema says, never a value of the data: they are counted, logged and shown in reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.clients.schema import ColumnSchema
from workbench.schemas.casting import given
from workbench.schemas.wide import is_one_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Rule", "any_of", "duplicate_reason", "full_match", "holds_nul", "rules"]

_SHOWN_VALUES = 8


class Rule(NamedTuple):
    """A reason for quarantine, and where it holds."""

    reason: str
    broken: ir.BooleanValue


def rules(name: str, spec: ColumnSchema, source: Any, value: Any) -> list[Rule]:
    """The rules of one column.

    Args:
        name: the column.
        spec: what it must hold.
        source: the values as the source has them.
        value: the cast values.
    """
    wanted = "a finite float64" if spec.type == "float64" else spec.type
    if spec.format is not None:
        wanted = f"a {spec.type} written {spec.format}"
    found = [Rule(f"{name} is not {wanted}", value.isnull() & given(source, spec))]
    if not spec.nullable:
        found.append(Rule(f"{name} is missing", value.isnull() & ~given(source, spec)))
    low, high = spec.bound("min"), spec.bound("max")
    if low is not None:
        found.append(Rule(f"{name} is below {low}", value < low))
    if high is not None:
        found.append(Rule(f"{name} is above {high}", value > high))
    if spec.isin is not None:
        shown = ", ".join(str(allowed) for allowed in spec.isin[:_SHOWN_VALUES])
        more = ", …" if len(spec.isin) > _SHOWN_VALUES else ""
        found.append(Rule(f"{name} is not one of {shown}{more}", value.notnull() & ~is_one_of(value, spec.isin)))
    if spec.pattern is not None:
        found.append(Rule(f"{name} does not match {spec.pattern}", ~value.re_search(full_match(spec.pattern))))
    if spec.type == "string":
        found.append(Rule(f"{name} holds a NUL byte", holds_nul(value)))
    return found


def any_of(masks: Sequence[Any]) -> Any:
    """Whether one of the masks holds; as a balanced tree, because a chain of a thousand is too deep for Python."""
    if len(masks) == 1:
        return masks[0]
    middle = len(masks) // 2
    return any_of(masks[:middle]) | any_of(masks[middle:])


def full_match(pattern: str) -> str:
    """The pattern, for the whole text."""
    return f"^(?:{pattern})$"


def holds_nul(text: Any) -> Any:
    """Whether a text holds a NUL byte, which ends a string for half of the programs that may read it."""
    return text.re_search(r"\x00")  # written as an escape: a NUL in the text of a query would end the query


def duplicate_reason(columns: tuple[str, ...]) -> str:
    """Why a row is in quarantine whose key an earlier row has."""
    return f"{columns[0]} is a duplicate" if len(columns) == 1 else f"key ({', '.join(columns)}) is a duplicate"
