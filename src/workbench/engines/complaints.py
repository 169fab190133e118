"""What engines complain of, in the words of our own errors: the one place where theirs are translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import ConfigurationError, DataError, Unreachable, WorkbenchError

__all__ = ["of_bigquery", "of_postgres", "of_spark", "unsupported"]

_SHOWN = 300
_LOGIN = ("authentication failed", "no password supplied", 'FATAL:  role "', "no pg_hba.conf entry")
_AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "RETRIES_EXCEEDED")


def unsupported(error: Exception, where: str) -> ConfigurationError | None:
    """What Ibis says of an operation that it has no words for in an engine's SQL, or None."""
    from ibis.common.exceptions import OperationNotDefinedError, UnsupportedOperationError

    if isinstance(error, OperationNotDefinedError | UnsupportedOperationError | NotImplementedError):
        return ConfigurationError(
            f"the engine cannot run the recipe: {_first_line(error)}",
            where=where,
            hint="write it another way in the recipe, or take another `engine` in client.yml",
        )
    return None


@contextmanager
def of_spark(where: str, secret: str | None) -> Iterator[None]:
    """Translate what Spark, its transport and Ibis say.

    Raises:
        ConfigurationError: an operation that Spark does not have, or a login that is refused.
        DataError: Spark refuses the query.
        Unreachable: the server does not answer, or went away.
    """
    import grpc
    from pyspark.errors import PySparkException

    try:
        yield
    except WorkbenchError:
        raise
    except grpc.RpcError as error:
        raise _of_transport(str(getattr(error, "code", lambda: "")()), error, where, secret) from None
    except PySparkException as error:
        text = str(error)
        if any(code in text for code in (*_AWAY, "UNAUTHENTICATED", "PERMISSION_DENIED")):
            raise _of_transport(text, error, where, secret) from None
        raise DataError(
            f"Spark refuses the query: {_without_values(_first_line(error, secret))}", where=where
        ) from None
    except Exception as error:
        explained = unsupported(error, where)
        if explained is None:
            raise
        raise explained from error


def _of_transport(code: str, error: Exception, where: str, secret: str | None) -> WorkbenchError:
    if "UNAUTHENTICATED" in code or "PERMISSION_DENIED" in code:
        return ConfigurationError(
            "the server refuses the login", where=where, hint="correct the secret that `engine.token` names"
        )
    return Unreachable(
        f"the server does not answer, or went away: {_first_line(error, secret)}",
        where=where,
        hint="see that it is up, and try again",
    )


@contextmanager
def of_postgres(where: str, secret: str | None) -> Iterator[None]:
    """Translate what PostgreSQL, its two drivers and Ibis say.

    Raises:
        ConfigurationError: an operation that Ibis has no words for, a login that is refused, a missing permission.
        DataError: PostgreSQL refuses the query.
        Unreachable: the server does not answer, or went away.
    """
    import adbc_driver_manager
    import psycopg
    import pyarrow as pa

    try:
        yield
    except WorkbenchError:
        raise
    except (psycopg.Error, adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        raise _of_libpq(error, where, secret) from None
    except Exception as error:
        explained = unsupported(error, where)
        if explained is None:
            raise
        raise explained from error


def _of_libpq(error: Exception, where: str, secret: str | None) -> WorkbenchError:
    """A stream of Arrow batches has no code of the error, only its words."""
    state = str(getattr(error, "sqlstate", None) or "")
    text, whole = _first_line(error, secret), str(error)
    if state.startswith("28") or any(words in whole for words in _LOGIN):
        return ConfigurationError(
            "the server refuses the login", where=where, hint="correct `engine.user` and the secret it names"
        )
    if state == "3D000" or ('database "' in whole and "does not exist" in whole):
        return ConfigurationError("there is no such database", where=where, hint="correct `engine.database`")
    if state == "42501":
        return ConfigurationError(f"the user may not do that: {text}", where=where, hint="grant it")
    if state[:2] in {"0A", "21", "22", "23", "42"} or "ERROR:" in whole:
        return DataError(f"PostgreSQL refuses the query: {_without_values(text)}", where=where)
    return Unreachable(
        f"the server does not answer, or went away: {text}", where=where, hint="see that it is up, and try again"
    )


def _without_values(text: str) -> str:
    """Engines quote the value that they cannot read, each in its way; a message holds none of a row's."""
    text = re.sub(
        r"(: |input string )\"[^\"]*\"", r"\1…", text
    )  # PostgreSQL and BigQuery; names have neither before them
    text = re.sub(r"'[^']*'", "'…'", text)  # Spark and BigQuery; their names are in backticks, or bare
    return re.sub(rf"(?i)\b({'|'.join(_BEFORE_A_VALUE)}): .*", r"\1: …", text)  # BigQuery


_BEFORE_A_VALUE = (r"bad \w+ value", r"could not cast \w+", r"invalid [\w ]+", "division by zero", r"\w+ overflow")


@contextmanager
def of_bigquery(where: str) -> Iterator[None]:
    """Translate what Google's libraries and Ibis say.

    Raises:
        ConfigurationError: an operation that Ibis has no words for, a login that is refused, a missing permission.
        DataError: BigQuery refuses the query.
        Unreachable: it does not answer, or asks to come back later.
    """
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except WorkbenchError:
        raise
    except (GoogleAPIError, GoogleAuthError, requests.RequestException) as error:
        raise _of_google(error, where) from None
    except Exception as error:
        explained = unsupported(error, where)
        if explained is None:
            raise
        raise explained from error


def _of_google(error: Exception, where: str) -> WorkbenchError:
    """A quota is refused as a login is, with 403, and passes (cloud.google.com/bigquery/docs/error-messages)."""
    from google.api_core.exceptions import ClientError, Forbidden, TooManyRequests, Unauthorized
    from google.auth.exceptions import GoogleAuthError, TransportError

    said = re.sub(r"^(\d{3} )?([A-Z]+ https?://\S+: )?", "", _first_line(error)).partition("; reason:")[0]
    text = _without_values(said)
    reasons = {one.get("reason") for one in getattr(error, "errors", []) if isinstance(one, dict)}
    if isinstance(error, TooManyRequests) or reasons & {"quotaExceeded", "rateLimitExceeded"}:
        return Unreachable(
            f"BigQuery asks to come back later: {text}", where=where, hint="try again, or raise the quota"
        )
    is_login = isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)
    if is_login and not getattr(error, "retryable", False):
        return ConfigurationError(
            "the login is refused", where=where, hint="correct the secret that `engine.credentials` names"
        )
    if isinstance(error, Unauthorized | Forbidden):
        return ConfigurationError(
            f"the login is refused, or may not do that: {text}",
            where=where,
            hint="correct the secret that `engine.credentials` names, or grant the role",
        )
    if isinstance(error, ClientError):
        return DataError(f"BigQuery refuses the query: {text}", where=where)
    return Unreachable(f"BigQuery does not answer: {text}", where=where, hint="try again")


def _first_line(error: Exception, secret: str | None = None) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:_SHOWN]
    return text.replace(secret, "[redacted]") if secret else text
