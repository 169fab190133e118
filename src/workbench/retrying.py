"""Tries again what may pass, with back-off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from workbench.errors import Transient

__all__ = ["LONGEST_WAIT", "persistently", "seconds_of"]

T = TypeVar("T")

ATTEMPTS = 4
LONGEST_WAIT = 300.0
"""Seconds; a server that wants more is asked again when the slot is."""

_BACK_OFF = wait_random_exponential(multiplier=1, max=60)


def persistently(
    action: Callable[[], T], *, scale: float = 1.0, attempts: int = ATTEMPTS, longest_wait: float = LONGEST_WAIT
) -> T:
    """What an action returns, tried up to four times while it raises :class:`~workbench.errors.Transient`.

    Between two attempts lie the seconds that the other side asked for, or a random time below a limit that doubles
    ("full jitter").

    Args:
        action: what is done.
        scale: factor of the waiting times.
        attempts: how often it is tried at most.
        longest_wait: seconds; if the other side asks for more, its error is raised at once.

    Raises:
        WorkbenchError: of the last attempt.
    """

    def wait(state: RetryCallState) -> float:
        asked = _asked(state.outcome.exception() if state.outcome else None)
        return scale * (_BACK_OFF(state) if asked is None else asked)

    def may_pass_soon(error: BaseException) -> bool:
        return isinstance(error, Transient) and (_asked(error) or 0) <= longest_wait

    retrying = Retrying(
        retry=retry_if_exception(may_pass_soon), stop=stop_after_attempt(attempts), wait=wait, reraise=True
    )
    return retrying(action)


def _asked(error: BaseException | None) -> float | None:
    return getattr(error, "retry_after", None)


def seconds_of(retry_after: str | None) -> float | None:
    """The header Retry-After in seconds from now: a number, or a date (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
