"""Texts that match a pattern: the number *n*, spelt with the choices that the pattern leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["matching"]

_SAMPLES = {
    code.CATEGORY_DIGIT: "0123456789",
    code.CATEGORY_WORD: "abcdefghijklmnopqrstuvwxyz",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_NOT_DIGIT: "abc",
    code.CATEGORY_NOT_SPACE: "abc",
    code.CATEGORY_NOT_WORD: "-",
}
_PRINTABLE = [chr(point) for point in range(33, 127)]


def matching(pattern: str, number: int) -> str:
    """A text that the pattern matches as a whole; different numbers give different ones, while there are any.

    The pattern is read by Python's own parser. Lookaround and references back, which a schema refuses, are not known.
    """
    text, _ = _spell(_parser.parse(pattern), number)
    return text


def _spell(parsed: Any, number: int) -> tuple[str, int]:
    """The text, and what of the number is left for those before it: the last place is spelt first."""
    parts: list[str] = []
    for operation, argument in reversed(list(parsed)):
        part, number = _part(operation, argument, number)
        parts.append(part)
    return "".join(reversed(parts)), number


def _part(operation: Any, argument: Any, number: int) -> tuple[str, int]:
    if operation is code.LITERAL:
        return chr(argument), number
    if operation is code.AT:
        return "", number
    if operation is code.SUBPATTERN:
        return _spell(argument[-1], number)
    if operation in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, repeated = argument
        return _repeat(least, most, repeated, number)
    if operation is code.BRANCH:
        choices = argument[1]
        return _spell(choices[number % len(choices)], number // len(choices))
    choices = _characters(operation, argument)
    return choices[number % len(choices)], number // len(choices)


def _repeat(least: int, most: int, parsed: Any, number: int) -> tuple[str, int]:
    text = ""
    times = 0
    # As often as it must be, and then as often as the number still needs, if the pattern lets it.
    while times < least or (number and times < most and times < 40):
        part, number = _spell(parsed, number)
        text, times = part + text, times + 1
    return text, number


def _characters(operation: Any, argument: Any) -> Sequence[str]:
    if operation is code.IN:
        negated = argument[0][0] is code.NEGATE
        found = [one for item in argument if item[0] is not code.NEGATE for one in _characters(*item)]
        return [one for one in _PRINTABLE if one not in found] if negated else found
    if operation is code.RANGE:
        return [chr(point) for point in range(argument[0], argument[1] + 1)]
    if operation is code.CATEGORY:
        return _SAMPLES[argument]
    if operation is code.NOT_LITERAL:
        return [one for one in _PRINTABLE if one != chr(argument)]
    if operation is code.LITERAL:
        return [chr(argument)]
    return "abcdefghijklmnopqrstuvwxyz"  # any character
