"""What an HTTP status says about another attempt."""

from __future__ import annotations

from workbench.errors import DeliveryError, Unreachable
from workbench.retrying import seconds_of

__all__ = ["failure_of"]

MAY_PASS = frozenset({408, 425, 429})


def failure_of(status: int, retry_after: str | None, *, what: str, where: str) -> DeliveryError | Unreachable:
    """The error for an answer that is no success: 408, 425, 429 and 5xx may pass (RFC 9110, section 15).

    Args:
        status: the HTTP status.
        retry_after: the header of that name, if there was one.
        what: who answered, for the message.
        where: for the message.
    """
    if status in MAY_PASS or status >= 500:
        error = Unreachable(f"{what} asks to come back later (HTTP {status})", where=where)
        error.retry_after = seconds_of(retry_after)
        return error
    return DeliveryError(f"{what} refused it (HTTP {status})", where=where)
