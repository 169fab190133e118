"""What Spark, PostgreSQL and Ibis complain of, as our own errors: which kind, and no value, no secret in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import adbc_driver_manager
import grpc
import psycopg
import pyarrow as pa
import pytest
from ibis.common.exceptions import UnsupportedOperationError
from pyspark.errors import PySparkException

from workbench.engines.complaints import of_bigquery, of_postgres, of_spark
from workbench.errors import ConfigurationError, DataError, Unreachable, WorkbenchError

SECRET = "hunter2-and-more"
WHERE = "client alpha, engine x"


class Broken(grpc.RpcError):
    """As the transport raises it: the code is a method."""

    def __init__(self, code: str) -> None:
        super().__init__(f"StatusCode.{code} with {SECRET}")
        self._code = code

    def code(self) -> str:
        return f"StatusCode.{self._code}"


def state(code: str, text: str) -> Exception:
    """PostgreSQL's error of a code (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    return psycopg.errors.lookup(code)(text)


def adbc(text: str, code: str | None = None) -> Exception:
    return adbc_driver_manager.OperationalError(
        text, status_code=adbc_driver_manager.AdbcStatusCode.INTERNAL, sqlstate=code
    )


POSTGRES: list[tuple[Exception, type[WorkbenchError], str]] = [
    (state("28P01", "password authentication failed"), ConfigurationError, "the server refuses the login.*engine.user"),
    (OSError('FATAL:  role "nobody" does not exist'), ConfigurationError, "the server refuses the login"),
    (adbc("fe_sendauth: no password supplied"), ConfigurationError, "the server refuses the login"),
    (adbc("no pg_hba.conf entry for host"), ConfigurationError, "the server refuses the login"),
    (state("3D000", "no"), ConfigurationError, "there is no such database.*engine.database"),
    (OSError('FATAL:  database "nowhere" does not exist'), ConfigurationError, "there is no such database"),
    (adbc("permission denied for table t", "42501"), ConfigurationError, "the user may not do that: permission denied"),
    (state("22P02", 'invalid input syntax for type integer: "a value"'), DataError, "refuses the query: invalid input"),
    (state("42P01", 'relation "t" does not exist'), DataError, 'refuses the query: relation "t" does not exist'),
    (pa.ArrowInvalid("ERROR:  division by zero"), DataError, "refuses the query"),
    (psycopg.OperationalError(f"connection to u:{SECRET}@h failed"), Unreachable, r"went away: .*u:\[redacted\]@h"),
    (state("57P01", "terminating connection"), Unreachable, "the server does not answer, or went away: terminating"),
    (OSError(), Unreachable, "the server does not answer, or went away: OSError"),
]
SPARK: list[tuple[Exception, type[WorkbenchError], str]] = [
    (Broken("UNAUTHENTICATED"), ConfigurationError, "the server refuses the login.*engine.token"),
    (Broken("PERMISSION_DENIED"), ConfigurationError, "the server refuses the login"),
    (Broken("UNAVAILABLE"), Unreachable, r"went away: StatusCode.UNAVAILABLE with \[redacted\]"),
    (PySparkException(message="[RETRIES_EXCEEDED] no more"), Unreachable, "the server does not answer"),
    (PySparkException(message="UNAUTHENTICATED: no"), ConfigurationError, "the server refuses the login"),
    (
        PySparkException(message="[CAST] The value 'a value' of `x`"),
        DataError,
        "refuses the query: .*The value '…' of `x`",
    ),
]
OURS: list[tuple[Exception, type[Exception], str]] = [
    (
        UnsupportedOperationError("no lag\nand more"),
        ConfigurationError,
        "cannot run the recipe: no lag. Next: write it",
    ),
    (NotImplementedError("no lead"), ConfigurationError, "cannot run the recipe: no lead"),
    (DataError("ours", where="there"), DataError, "^there: ours$"),
    (KeyError("a fault of our own"), KeyError, "a fault of our own"),
]


def check(speaking: Callable[[], AbstractContextManager[Any]], raised: Exception, kind: type, said: str) -> None:
    with pytest.raises(kind, match=said) as caught, speaking():
        raise raised
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    assert "a value" not in str(caught.value)
    assert isinstance(raised, UnsupportedOperationError | NotImplementedError) or caught.value.__cause__ is None


@pytest.mark.parametrize(("raised", "kind", "said"), POSTGRES + OURS)
def test_what_postgresql_says(raised: Exception, kind: type, said: str) -> None:
    check(lambda: of_postgres(WHERE, SECRET), raised, kind, said)


@pytest.mark.parametrize(("raised", "kind", "said"), SPARK + OURS)
def test_what_spark_says(raised: Exception, kind: type, said: str) -> None:
    check(lambda: of_spark(WHERE, SECRET), raised, kind, said)


@pytest.mark.parametrize(("raised", "kind", "said"), OURS)
def test_what_bigquery_has_no_part_in(raised: Exception, kind: type, said: str) -> None:
    check(lambda: of_bigquery(WHERE), raised, kind, said)
