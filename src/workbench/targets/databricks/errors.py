"""What the SDK raises, as the workbench's errors: the one point of translation.

Errors of the platform: https://docs.databricks.com/api/workspace/introduction (``error_code``, ``message``,
``details``); the classes are those of ``databricks.sdk.errors``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import TargetError, Unreachable, WorkbenchError
from workbench.targets.protocol import AlreadyThere

__all__ = ["Missing", "Refused", "translated"]

LONGEST = 300
"""Characters of the service's own words that a message keeps."""

_GATEWAYS = frozenset({"BAD_GATEWAY", "GATEWAY_TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"})
_TOKEN = re.compile(r"\btoken\b", re.IGNORECASE)


class Missing(TargetError):
    """There is no such thing; who looks for it takes that for an answer."""


class Refused(TargetError):
    """The credentials were not taken."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what the SDK raises inside the block into an error of the workbench.

    Args:
        where: client, target and workspace, for the message.

    Raises:
        AlreadyThere: what was to be created is there.
        Unreachable: 409 of another update, 429, 5xx, a time-out, a broken connection, an answer that is none.
        Refused: 401, or a 403 that speaks of the token.
        Missing: 404.
        TargetError: all else.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        raise _explained(_innermost(error), where) from error


def _innermost(error: Exception) -> BaseException:
    """The SDK gives up with a TimeoutError whose cause is what happened."""
    return error.__cause__ if isinstance(error, TimeoutError) and error.__cause__ is not None else error


def _explained(error: BaseException, where: str) -> WorkbenchError:
    import requests
    from databricks.sdk.errors.base import DatabricksError

    if isinstance(error, DatabricksError):
        return _of_platform(error, where)
    if isinstance(error, requests.JSONDecodeError):
        return Unreachable("Databricks answered with something that is no JSON", where=where)
    if isinstance(error, (requests.RequestException, TimeoutError, OSError)):
        return Unreachable(f"Databricks does not answer ({type(error).__name__})", where=where)
    if isinstance(error, ValueError):
        # The SDK's login over OAuth has no class of its own for a refusal.
        return Refused(f"Databricks does not take the credentials: {_said(error)}", where=where, hint=_LOGIN)
    if isinstance(error, (KeyError, TypeError, AttributeError, NotImplementedError)):
        return Unreachable(f"Databricks answered otherwise than documented ({type(error).__name__})", where=where)
    return TargetError(f"Databricks: {_said(error)}", where=where)


_LOGIN = "put a valid one in its place with `kedro client secret set`; docs/targets/databricks.md names them"


def _of_platform(error: Exception, where: str) -> WorkbenchError:
    from databricks.sdk import errors

    said = _said(error)
    if isinstance(error, (errors.AlreadyExists, errors.ResourceAlreadyExists)):
        return AlreadyThere(f"it is there: {said}", where=where)
    if isinstance(error, errors.NotFound):
        return Missing(f"Databricks does not find it: {said}", where=where)
    if isinstance(error, errors.Unauthenticated) or (
        isinstance(error, errors.PermissionDenied) and _TOKEN.search(said)
    ):
        return Refused(f"Databricks does not take the credentials: {said}", where=where, hint=_LOGIN)
    if isinstance(error, errors.PermissionDenied):
        return TargetError(
            f"Databricks does not allow it: {said}", where=where, hint="ask the workspace's administrator for the grant"
        )
    passes = (
        errors.DeadlineExceeded,
        errors.InternalError,
        errors.ResourceConflict,
        errors.TemporarilyUnavailable,
        errors.TooManyRequests,
    )
    if isinstance(error, passes) or getattr(error, "error_code", None) in _GATEWAYS:
        busy = Unreachable(f"Databricks asks to come back later: {said}", where=where)
        busy.retry_after = _retry_after(error)
        return busy
    return TargetError(f"Databricks refuses: {said}", where=where)


def _retry_after(error: Exception) -> float | None:
    """Seconds of ``Retry-After``, or of the ``RetryInfo`` among the details; None if the service names none."""
    info = error.get_error_details().retry_info  # type: ignore[attr-defined]
    if info is not None and info.retry_delay_seconds:
        return float(info.retry_delay_seconds)
    seconds = getattr(error, "retry_after_secs", None)
    # Without the header, the SDK puts one second there; full jitter is kinder to a service in need.
    return None if seconds is None or seconds == 1 else float(seconds)


def _said(error: BaseException) -> str:
    """The service's words on one line, without what the SDK adds of its own configuration."""
    text = re.split(r"\.? ?(?:Config: |Request log:)", str(error))[0]
    return " ".join(text.split())[:LONGEST] or type(error).__name__
