"""The errors of OpenAI's SDK as the workbench's, at one point.

What a server says may repeat a key or a row, so the cause is dropped, and of its words only what names the problem is
kept, shortened and with known secrets taken out. Codes: https://developers.openai.com/api/docs/guides/error-codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, ModelError, Terminal, Unreachable, WorkbenchError
from workbench.retrying import seconds_of
from workbench.secrets.redaction import redact_text

if TYPE_CHECKING:
    from openai import APIStatusError

__all__ = ["Filtered", "NotThere", "Throttled", "Unauthorised", "said", "translated"]


class Unauthorised(Terminal):
    """The key or token was refused; with a fresh one it may pass once."""


class NotThere(ModelError):
    """There is no such file, job, model or deployment."""


class Filtered(ModelError):
    """The service's content filter refused a prompt or an answer."""


class Throttled(Unreachable):
    """It was refused because there is too much to do; for certain it had no effect."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise the SDK's errors as the workbench's.

    Raises:
        Unreachable: no answer, or one that asks to come back later, or one that is not the API's.
        Terminal: it refuses.
    """
    import openai

    try:
        yield
    except openai.APITimeoutError:
        raise Unreachable("it did not answer in time", where=where, hint=_LATER) from None
    except openai.APIConnectionError:
        raise Unreachable("it cannot be reached, or hung up", where=where, hint=_LATER) from None
    except openai.APIStatusError as error:
        raise _of_status(error, where) from None
    except (openai.OpenAIError, json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
        # Of a page that is no JSON, the SDK's lists ask for what a text does not have.
        raise not_the_api(where, type(error).__name__) from None


_LATER = "run the same command again: it goes on where it stopped"


def not_the_api(where: str, what: str) -> Unreachable:
    """For an answer with status 200 that is cut off, or somebody else's page."""
    return Unreachable(
        f"the answer is not the API's ({what})", where=where, hint=f"see that `hosted.endpoint` is right; else {_LATER}"
    )


def _of_status(error: APIStatusError, where: str) -> WorkbenchError:
    status, code = error.status_code, str(getattr(error, "code", "") or "")
    if status == 401:
        return Unauthorised("it refuses the key or token (401)", where=where, hint="look at the client's secrets")
    if status == 429 and code == "insufficient_quota":
        return ConfigurationError("the account has no credit left (429)", where=where, hint="add credit, or a limit")
    if status in {408, 409, 429} or status >= 500:
        kind = Throttled if status == 429 else Unreachable
        later = kind(f"it has too much to do, or is down ({status})", where=where, hint=_LATER)
        later.retry_after = seconds_of(error.response.headers.get("retry-after"))
        return later
    if status == 404:
        return NotThere(f"it is not there (404: {said(error)})", where=where, hint="see `hosted` in client.yml")
    if code == "content_filter":
        return Filtered("the content filter refused it", where=where, hint="look at the example")
    hint = "ask for the role or right" if status == 403 else "correct it"
    return ConfigurationError(f"it refuses the request ({status}: {said(error)})", where=where, hint=hint)


def said(error: Any) -> str:
    """The few words of a service that name the problem."""
    return redact_text(" ".join(str(getattr(error, "message", error)).split()))[:300]
