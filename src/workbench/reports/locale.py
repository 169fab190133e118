"""How a report speaks: its words from gettext catalogues, numbers and dates as the client's locale has them, by Babel.

A kernel renders one report of one client, so the locale is the process's. It is English until :func:`localise` is
called, and then nothing is imported. Where a language has no catalogue, or a catalogue no such sentence, it is said in
English. `make words` collects the sentences into ``catalogues/<language>/LC_MESSAGES/reports.po`` and compiles
them.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.clients import Client

__all__ = [
    "CATALOGUES",
    "DOMAIN",
    "MINUS",
    "day",
    "decimal",
    "language_of",
    "localise",
    "markdown_parts",
    "moment",
    "months",
    "noted",
    "say",
    "say_count",
    "spoken",
]

ENGLISH = "en"
CATALOGUES = Path(__file__).with_name("catalogues")
DOMAIN = "reports"
MINUS = "\N{MINUS SIGN}"
SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = re.compile(rf"\b({'|'.join(SHORT)})\b")
_NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?")
_current = ENGLISH


def localise(client: Client | None) -> None:
    """From now on, write as this client has it."""
    global _current  # noqa: PLW0603 - one process, one report
    _current = client.brand.locale if client else ENGLISH


def language_of(locale: str) -> str:
    """The language in which a locale's pages are written: its own if there is a catalogue, or else English."""
    language = re.split(r"[_-]", locale)[0]
    return language if (CATALOGUES / language).is_dir() else ENGLISH


def say(message: str, /, *, in_locale: str | None = None, **values: object) -> str:
    """A sentence in the reader's language, with ``{name}`` for each value; the sentence is a literal of this code."""
    words: str = _catalogue(in_locale or _current).gettext(message) if message else ""
    return words.format(**values) if values else words


def say_count(one: str, many: str, number: int, /, **values: object) -> str:
    """The same for a number of things, which some languages know more than two forms for."""
    words: str = _catalogue(_current).ngettext(one, many, number)
    return words.format(**values) if values else words


def noted(message: str) -> str:
    """Marks a sentence that is collected here and said elsewhere."""
    return message


def spoken(sentence: str, known: Iterable[str]) -> str:
    """A sentence that was written in English into a table, in the reader's language.

    Args:
        sentence: as it stands in the table.
        known: the sentences that it may be, with ``{name}`` where it has a value; what is none of them stays as it is.
    """
    if language_of(_current) == ENGLISH:
        return sentence
    for message in known:
        found = _pattern(message).fullmatch(sentence)
        if found:
            return say(message, **{name: _as_said(value) for name, value in found.groupdict().items()})
    return say(sentence)


def _as_said(value: str) -> str:
    """A value out of a sentence: a number as the locale writes it, a word in the reader's language."""
    return decimal(value.replace(",", "")) if _NUMBER.fullmatch(value) else say(value)


def markdown_parts(source: str) -> list[str]:
    """What is translated of a Markdown cell: each heading and each paragraph, without its marks."""
    return [part for text in re.split(r"\n\s*\n", source) if (part := text.strip().lstrip("# ").strip())]


@cache
def _pattern(message: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", message)
    return re.compile(
        "".join(f"(?P<{one}>.+?)" if i % 2 else re.escape(one) for i, one in enumerate(pieces)), re.DOTALL
    )


@cache
def _catalogue(locale: str) -> Any:
    if language_of(locale) == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, CATALOGUES, [language_of(locale)], fallback=True)


def decimal(text: str, *, grouped: bool = True) -> str:
    """A plain number, such as ``-12345.60``, with the locale's signs; its digits stay. Grouped: thousands apart.

    What is below nothing has a minus sign, not a hyphen, at which a line may break.
    """
    value = Decimal(text)
    if _current == ENGLISH:
        return (f"{value:,f}" if grouped else f"{value:f}").replace("-", MINUS)
    from babel import Locale
    from babel.numbers import parse_pattern

    locale = Locale.parse(_current)
    pattern = parse_pattern(locale.decimal_formats[None].pattern)
    digits = len(text.partition(".")[2])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(value, locale, group_separator=grouped)).replace("-", MINUS)


def day(when: date, *, short: bool = False, locale: str | None = None) -> str:
    """A date: ``5 March 2024``; short: ``5 Mar 2024``."""
    if (locale or _current) == ENGLISH:
        return f"{when.day} {when:%b %Y}" if short else f"{when.day} {when:%B %Y}"
    from babel.dates import format_date

    return str(format_date(when, "medium" if short else "long", locale or _current))


def moment(when: datetime, *, short: bool = False, locale: str | None = None) -> str:
    """A date and a time of the day, to the minute."""
    return f"{day(when, short=short, locale=locale)}, {when:%H:%M}"


def months(text: str) -> str:
    """The same text with the short English names of months in the reader's language."""
    if _current == ENGLISH:
        return text
    from babel.dates import format_date

    return _MONTH.sub(lambda found: str(format_date(date(2000, 1 + SHORT.index(found[0]), 1), "LLL", _current)), text)
