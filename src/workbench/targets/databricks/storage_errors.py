"""What the clouds' storage SDKs raise, as the workbench's errors: the one point of translation.

The words of the services are left out: some of them repeat an address, and with it a signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.errors import TargetError, Unreachable, WorkbenchError
from workbench.retrying import seconds_of
from workbench.targets.databricks.errors import Missing

__all__ = ["Forbidden", "translated_storage"]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: these come with 400.
_WORN = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})
_CODE = re.compile(r"[A-Za-z]{3,60}")


class Forbidden(TargetError):
    """The credentials are not good for it, or not any more."""


@contextmanager
def translated_storage(kind: str, where: str) -> Iterator[None]:
    """Turn what an SDK raises inside the block into an error of the workbench.

    Args:
        kind: of the store: ``s3``.
        where: client, target and workspace, for the message.

    Raises:
        Forbidden: 401, 403, a token that is worn out.
        Missing: 404.
        Unreachable: 408, 429, 5xx, a broken connection, an answer that is none.
        TargetError: all else that was refused.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        raise _explained(error, kind, where) from error


def _explained(error: Exception, kind: str, where: str) -> WorkbenchError:
    status, code, headers = _told(error)
    if type(error).__name__ == "RefreshError":  # google-auth's answer to a 401 when a token can't be renewed
        status = status or 401
    said = f"{kind}://, HTTP {status}{f', {code}' if code else ''}"
    if status in {401, 403} or code in _WORN:
        return Forbidden(f"the cloud's storage does not allow it ({said})", where=where)
    if status == 404:
        return Missing(f"the cloud's storage does not find it ({said})", where=where)
    if 400 <= status < 500 and status not in {408, 429}:
        return TargetError(f"the cloud's storage refuses ({said})", where=where)
    busy = Unreachable(
        f"the cloud's storage asks to come back later ({said})"
        if status
        else f"the cloud's storage does not answer ({kind}://, {type(error).__name__})",
        where=where,
    )
    busy.retry_after = seconds_of(headers.get("retry-after") or headers.get("Retry-After"))
    return busy


def _told(error: Exception) -> tuple[int, str, Mapping[str, Any]]:
    """Status, code and headers of the answer, in the words of each SDK; 0 if there was none."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        about = response.get("ResponseMetadata", {})
        return (
            int(about.get("HTTPStatusCode") or 0),
            _code(response.get("Error", {}).get("Code")),
            about.get("HTTPHeaders", {}),
        )
    # azure.core, google.api_core and google.resumable_media, requests
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    status = status if isinstance(status, int) else getattr(response, "status_code", None)
    return int(status or 0), _code(getattr(error, "error_code", None)), getattr(response, "headers", None) or {}


def _code(given: object) -> str:
    text = str(getattr(given, "value", given) or "")
    return text if _CODE.fullmatch(text) else ""
