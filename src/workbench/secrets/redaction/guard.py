"""A process whose logs, output and tracebacks hold no known secret."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from workbench.secrets.redaction.known import Secrets, known_secrets
from workbench.secrets.redaction.streams import RedactingStream

__all__ = ["SecretFilter", "guarded"]


class SecretFilter(logging.Filter):
    """Takes secrets from a record: the message with its arguments, the traceback, and what was given as ``extra``."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean it; it is never dropped."""
        _clean(record)
        return True


@contextmanager
def guarded() -> Iterator[None]:
    """While the block runs, clean log records, standard output and standard error; tracebacks also after it.

    A record is cleaned where it is made, so it does not matter which handlers there are, or come to be; those that
    are there clean ``extra`` fields as well, which a record gets later.
    """
    _guard_tracebacks()
    factory = logging.getLogRecordFactory()
    handlers = _handlers()
    secret_filter = SecretFilter()
    output, errors = sys.stdout, sys.stderr
    streams = RedactingStream(output), RedactingStream(errors)

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        _clean(record)
        return record

    logging.setLogRecordFactory(make)
    for handler in handlers:
        handler.addFilter(secret_filter)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.drain()
        # Somebody may have put another in its place; what lies beneath is not ours to bring back then.
        if sys.stdout is streams[0]:
            sys.stdout = output
        if sys.stderr is streams[1]:
            sys.stderr = errors
        for handler in handlers:
            handler.removeFilter(secret_filter)
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(factory)


def _handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return [handler for one in loggers if isinstance(one, logging.Logger) for handler in one.handlers]


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__)


def _clean(record: logging.LogRecord) -> None:
    known = known_secrets()
    try:
        said = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit: `logging` reports it where it formats
        said = None
    if said is not None and (clean := known.scrubbed(said)) != said:
        record.msg, record.args = clean, None
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(traceback.format_exception(record.exc_info[1]))
        if (clean := known.scrubbed(text)) != text:
            record.exc_info, record.exc_text = None, clean.rstrip()
    if record.stack_info:
        record.stack_info = known.scrubbed(record.stack_info)
    for name in record.__dict__.keys() - _STANDARD:
        record.__dict__[name] = _cleaned(record.__dict__[name], known)


def _cleaned(value: Any, known: Secrets) -> Any:
    """A field of a record: itself, or its words where they hold a secret."""
    text = value if isinstance(value, str) else repr(value)
    return value if (clean := known.scrubbed(text)) == text else clean


def _guard_tracebacks() -> None:
    """Clean what Python, or who has taken its place before, prints of an error that nobody caught; once a process."""
    before = sys.excepthook
    if getattr(before, "is_workbench", False):
        return

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        clean = known_secrets().scrubbed(text)
        if clean == text:
            before(kind, error, trace)
        else:
            # Not what stands in its place (rich, IPython): they take an error apart, and colour and wrap the pieces.
            sys.stderr.write(clean)

    show.is_workbench = True  # type: ignore[attr-defined]
    sys.excepthook = show
    threads_before = threading.excepthook

    def show_thread(of: threading.ExceptHookArgs) -> None:
        error = of.exc_value
        text = "".join(traceback.format_exception(error)) if error else ""
        clean = known_secrets().scrubbed(text)
        if clean == text:
            threads_before(of)
        else:
            sys.stderr.write(f"Exception in thread {of.thread.name if of.thread else '?'}:\n{clean}")

    threading.excepthook = show_thread
