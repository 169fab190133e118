"""What each cloud's SDK raises is one of four things: not allowed, not there, busy, refused; and tells no signature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from botocore.exceptions import ClientError, EndpointConnectionError
from google.api_core import exceptions as google
from google.auth.exceptions import RefreshError

from workbench.errors import TargetError, Unreachable
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.storage_errors import Forbidden, translated_storage

SECRET = "https://lake.example/x?sig=canary"


def s3(status: int, code: str = "", **headers: str) -> Exception:
    about: Any = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    answer: Any = {"Error": {"Code": code, "Message": SECRET}, "ResponseMetadata": about}
    return ClientError(answer, "PutObject")


def azure(status: int, code: str = "", **headers: str) -> Exception:
    answer: Any = SimpleNamespace(status_code=status, reason=SECRET, headers=headers)
    error = HttpResponseError(SECRET, answer)
    error.error_code = code  # type: ignore[attr-defined]
    return error


def signed(status: int, **headers: str) -> Exception:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return requests.HTTPError(SECRET, response=answer)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (s3(403, "AccessDenied"), Forbidden),
        (s3(401), Forbidden),
        (s3(400, "ExpiredToken"), Forbidden),
        (s3(400, "InvalidToken"), Forbidden),
        (s3(400, "TokenRefreshRequired"), Forbidden),
        (s3(404, "NoSuchKey"), Missing),
        (s3(400, "InvalidRequest"), TargetError),
        (s3(413), TargetError),
        (s3(400, SECRET), TargetError),
        (s3(408), Unreachable),
        (s3(429), Unreachable),
        (s3(503, "SlowDown"), Unreachable),
        (EndpointConnectionError(endpoint_url=SECRET), Unreachable),
        (azure(403, "AuthenticationFailed"), Forbidden),
        (azure(404, "BlobNotFound"), Missing),
        (azure(409, "LeaseIdMissing"), TargetError),
        (azure(500), Unreachable),
        (ServiceRequestError(SECRET), Unreachable),
        (google.Forbidden(SECRET), Forbidden),
        (google.NotFound(SECRET), Missing),
        (google.TooManyRequests(SECRET), Unreachable),
        (google.BadRequest(SECRET), TargetError),
        (RefreshError(SECRET), Forbidden),
        (signed(403), Forbidden),
        (signed(502), Unreachable),
        (requests.ConnectionError(SECRET), Unreachable),
    ],
    ids=lambda one: (
        one.__name__ if isinstance(one, type) else f"{type(one).__name__} {getattr(one, 'status_code', '')}"
    ),
)
def test_what_an_sdk_raises(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, translated_storage("s3", "client alpha"):
        raise error
    assert type(caught.value) is kind
    assert "canary" not in str(caught.value)
    assert str(caught.value).startswith("client alpha")


@pytest.mark.parametrize("headers", [{"retry-after": "7"}, {"Retry-After": "7"}])
@pytest.mark.parametrize("made", [s3, azure])
def test_it_comes_back_when_it_was_asked_to(made: Any, headers: dict[str, str]) -> None:
    with pytest.raises(Unreachable) as caught, translated_storage("s3", "client alpha"):
        raise made(429, **headers)
    assert caught.value.retry_after == 7


def test_it_may_be_asked_to_by_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with pytest.raises(Unreachable) as caught, translated_storage("https", "client alpha"):
        raise signed(503, Retry_After=at)
    assert caught.value.retry_after == pytest.approx(90, abs=5)
    for text in ("", "soon"):
        with pytest.raises(Unreachable) as caught, translated_storage("https", "client alpha"):
            raise signed(503, Retry_After=text)
        assert caught.value.retry_after is None
