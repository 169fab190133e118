"""Google's errors, translated: the one place where the adapter decides what may pass and what does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any

from workbench.errors import TargetError, Unreachable
from workbench.retrying import seconds_of

__all__ = ["Missing", "Stale", "problem", "speaking", "unreachable"]

PASSING = frozenset({408, 425, 429, 499, 500, 502, 503, 504})
"""What may pass by itself; https://cloud.google.com/apis/design/errors#error_retries."""

BUSY = 15.0
"""Seconds until something is asked again that takes one change at a time."""


class Missing(TargetError):
    """There is no such thing; whoever looks for it catches this."""


class Stale(Unreachable):
    """What was to be replaced has changed in between (etag, generation): it has to be looked at again."""


@contextmanager
def speaking(where: str) -> Iterator[None]:
    """Calls of the SDK inside the block raise the workbench's errors.

    Args:
        where: for the message.

    Raises:
        Unreachable: it may pass; ``retry_after`` is what the service asked for.
        AlreadyThere: what was to be created is there.
        Missing: there is no such thing.
        TargetError: it was refused.
    """
    import google.auth.exceptions as login
    import requests
    from google.api_core.exceptions import GoogleAPICallError
    from google.protobuf.json_format import ParseError
    from google.resumable_media import DataCorruption, InvalidResponse

    try:
        yield
    except GoogleAPICallError as error:
        raise _of_call(error, where) from error
    except (DataCorruption, InvalidResponse) as error:
        raise unreachable(f"an upload did not arrive as it was sent ({type(error).__name__})", where) from error
    except login.GoogleAuthError as error:
        raise _of_login(error, where) from error
    except (requests.RequestException, ConnectionError, TimeoutError) as error:
        raise unreachable(f"no answer ({type(error).__name__})", where) from error
    except (ParseError, UnicodeDecodeError, JSONDecodeError) as error:
        raise unreachable(f"the answer is not what the API gives ({type(error).__name__})", where) from error


def problem(status: Any, what: str, where: str) -> TargetError:
    """The error of an operation or a job that has failed, from its ``google.rpc.Status``."""
    return TargetError(
        f"{what} has failed: {_short(status.message)} (code {status.code})",
        where=where,
        hint="the log of it is in the Cloud console; the same command begins again",
    )


def unreachable(what: str, where: str, retry_after: float | None = None) -> Unreachable:
    """An error that may pass."""
    error = Unreachable(what, where=where, hint="the same command goes on from here")
    error.retry_after = retry_after
    return error


def _of_call(error: Any, where: str) -> Exception:
    from workbench.targets.protocol import AlreadyThere

    code, said = int(error.code or 0), _short(error.message)
    if code == 412 or (code == 409 and _status(error) == "ABORTED"):
        stale = Stale(f"it has changed in between: {said}", where=where, hint="the same command looks again")
        stale.retry_after = 0.0
        return stale
    if _status(error) == "FAILED_PRECONDITION" and "other operations running" in said:
        return unreachable(f"it is busy: {said}", where, BUSY)
    if code in PASSING:
        return unreachable(f"it answers {code}: {said}", where, _asked(error))
    if code == 409:
        return AlreadyThere(f"it is there already: {said}", where=where)
    if code == 404:
        return Missing(f"there is no such thing: {said}", where=where)
    return TargetError(f"it answers {code}: {said}", where=where, hint=_HINTS.get(code, ""))


_HINTS: Mapping[int, str] = {
    401: "the service account's key was revoked or has expired: put a new one into the client's secrets",
    403: "give the service account the roles that docs/targets/vertex.md lists",
    400: "see the settings of this target in client.yml; docs/targets/vertex.md explains them",
}


def _of_login(error: Any, where: str) -> Exception:
    import google.auth.exceptions as login

    if isinstance(error, login.TransportError) or getattr(error, "retryable", False):
        return unreachable("the login service does not answer", where)
    return TargetError(
        f"the login was refused ({type(error).__name__})",
        where=where,
        hint="put a valid key of the service account into the client's secrets; docs/targets/vertex.md says how",
    )


def _asked(error: Any) -> float | None:
    """Seconds that the service asked for: ``google.rpc.RetryInfo``, or the header ``Retry-After``."""
    details: Sequence[Any] = error.details or ()
    for detail in details:
        if isinstance(detail, Mapping) and str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if match:
                return float(match[1])
    headers = getattr(error.response, "headers", {}) or {}
    return seconds_of(headers.get("Retry-After"))


def _status(error: Any) -> str:
    try:
        return str(error.response.json()["error"]["status"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


def _short(message: str) -> str:
    """The service's own words, without the address that the SDK puts before them, in one line."""
    text = re.sub(r"^[A-Z]+ https?://\S+: ", "", message or "")
    return " ".join(text.split())[:300] or "no reason given"
