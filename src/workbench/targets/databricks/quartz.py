"""A cron expression of five fields as one that Databricks reads.

Databricks takes Quartz's: seconds first, Sunday is 1, and one of the two fields for days is ``?``
(https://docs.databricks.com/api/workspace/jobs/create, ``schedule.quartz_cron_expression``). Where cron takes a job
that names both a day of the month and a day of the week on either, Quartz has no word for it.
"""

from __future__ import annotations

import re

from workbench.errors import ConfigurationError

__all__ = ["quartz"]

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def quartz(cron: str, *, where: str) -> str:
    """The expression for Databricks.

    Args:
        cron: minute, hour, day of month, month, day of week, as Debian's cron reads them.
        where: for the message.

    Raises:
        ConfigurationError: Quartz has no expression for it.
    """
    minute, hour, day, month, weekday = cron.split()
    if not day.startswith("*") and not weekday.startswith("*"):
        raise ConfigurationError(
            f"'{cron}' names days of the month and of the week, which a schedule of Databricks can't",
            where=where,
            hint="write it as two schedules",
        )
    if weekday.startswith("*") and weekday != "*":
        weekday = _stepped(weekday, where)
    days = ("?", _weekdays(weekday, where)) if weekday != "*" else (day, "?")
    if weekday != "*" and day != "*":
        raise ConfigurationError(
            f"'{cron}' steps through days of the month and names days of the week, which Databricks can't", where=where
        )
    return f"0 {minute} {hour} {days[0]} {month.upper()} {days[1]}"


def _stepped(field: str, where: str) -> str:
    match = re.fullmatch(r"\*/([1-7])", field)
    if match is None:
        raise ConfigurationError(f"'{field}' is no field for days of the week", where=where)
    return ",".join(str(day) for day in range(0, 7, int(match[1])))


def _weekdays(field: str, where: str) -> str:
    """Days by their names: numbers differ by one between the two, and 7 is Sunday in cron alone."""
    days = [day for part in field.upper().split(",") for day in _part(part, where)]
    return ",".join(dict.fromkeys(days))


def _part(part: str, where: str) -> list[str]:
    match = re.fullmatch(r"([0-7]|[A-Z]{3})(?:-([0-7]|[A-Z]{3}))?(?:/([1-7]))?", part)
    if match is None:
        # "5#3" and "5L" are the third and the last Friday for both.
        nth = re.fullmatch(r"([0-7])(#[1-5]|L)", part)
        if nth is None:
            raise ConfigurationError(f"'{part}' is no day of the week that Databricks knows", where=where)
        return [f"{int(nth[1]) % 7 + 1}{nth[2]}"]
    first = _number(match[1], where)
    last = _number(match[2], where) if match[2] else 6 if match[3] else first
    if match[2] and last < first:
        last += 7
    return [DAYS[day % 7] for day in range(first, last + 1, int(match[3] or 1))]


def _number(day: str, where: str) -> int:
    if day.isdecimal():
        return int(day)
    if day not in DAYS:
        raise ConfigurationError(f"'{day}' is no day of the week", where=where)
    return DAYS.index(day)
