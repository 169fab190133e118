"""How numbers and dates are written in a report: as the client's locale has it, by Babel.

A kernel renders one report of one client, so the locale is the process's. It is English until :func:`localise` is
called, and then nothing is imported.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.clients import Client

__all__ = ["day", "decimal", "localise", "moment"]

ENGLISH = "en"
_current = ENGLISH


def localise(client: Client | None) -> None:
    """From now on, write as this client has it."""
    global _current  # noqa: PLW0603 - one process, one report
    _current = client.brand.locale if client else ENGLISH


def decimal(text: str, *, grouped: bool = True) -> str:
    """A plain number, such as ``-12345.60``, with the locale's signs; its digits stay. Grouped: thousands apart."""
    value = Decimal(text)
    if _current == ENGLISH:
        return f"{value:,f}" if grouped else f"{value:f}"
    from babel import Locale
    from babel.numbers import parse_pattern

    locale = Locale.parse(_current)
    pattern = parse_pattern(locale.decimal_formats[None].pattern)
    digits = len(text.partition(".")[2])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(value, locale, group_separator=grouped))


def day(when: date, *, short: bool = False, locale: str | None = None) -> str:
    """A date: ``5 March 2024``; short: ``5 Mar 2024``."""
    if (locale or _current) == ENGLISH:
        return f"{when.day} {when:%b %Y}" if short else f"{when.day} {when:%B %Y}"
    from babel.dates import format_date

    return str(format_date(when, "medium" if short else "long", locale or _current))


def moment(when: datetime, *, short: bool = False, locale: str | None = None) -> str:
    """A date and a time of the day, to the minute."""
    return f"{day(when, short=short, locale=locale)}, {when:%H:%M}"
