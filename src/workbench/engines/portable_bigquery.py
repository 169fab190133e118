"""What Ibis writes for BigQuery and BigQuery refuses, or means differently, in other words.

A time without a zone is a ``DATETIME`` there, and functions of ``TIMESTAMP`` do not take one; a window's frame is a
range of numbers, never of time. Each rule gives the page of cloud.google.com/bigquery/docs/reference/standard-sql.
"""

from __future__ import annotations

from typing import Any

__all__ = ["epoch_seconds", "md5", "micros", "name_of_day", "plus", "range_of_time", "text_as_value"]

_SECONDS = {"W": 604_800, "D": 86_400, "h": 3_600, "m": 60, "s": 1}
_PARTS = {"ms": 1_000, "us": 1_000_000}


def md5(op: Any) -> Any:
    """``MD5`` gives bytes, and ``TO_HEX`` their digits (hash_functions)."""
    import ibis

    if op.how != "md5":
        return op

    @ibis.udf.scalar.builtin(name="to_hex")  # type: ignore[untyped-decorator]
    def to_hex(digest: bytes) -> str: ...  # type: ignore[empty-body]

    return to_hex(op.arg.to_expr().hashbytes("md5")).op()


def plus(op: Any) -> Any:
    """``DATETIME_ADD`` and ``_SUB``, where Ibis writes ``TIMESTAMP_ADD`` for both kinds (datetime_functions)."""
    import ibis
    import ibis.expr.operations as ops

    # Other intervals have no words in BigQuery at all, and Ibis says so.
    if op.left.dtype.timezone is not None or not isinstance(op.right, ops.Literal | ops.IntervalFromInteger):
        return op
    name = "datetime_add" if isinstance(op, ops.TimestampAdd) else "datetime_sub"
    signature = ((op.left.dtype, op.right.dtype), op.left.dtype)

    @ibis.udf.scalar.builtin(name=name, signature=signature)  # type: ignore[untyped-decorator]
    def moved(time: Any, interval: Any) -> Any: ...

    return moved(op.left.to_expr(), op.right.to_expr()).op()


def epoch_seconds(op: Any) -> Any:
    """``UNIX_SECONDS`` takes a ``TIMESTAMP`` alone (timestamp_functions)."""
    return op if _has_zone(op.arg.dtype) else _in_utc(op.arg).epoch_seconds().op()


def micros(op: Any) -> Any:
    """``UNIX_MICROS`` too: what Ibis writes for the cast of a time to a whole number."""
    if not op.arg.dtype.is_timestamp() or not op.to.is_integer() or _has_zone(op.arg.dtype):
        return op
    return _in_utc(op.arg).cast(op.to).op()


def name_of_day(op: Any) -> Any:
    """``CAST(… AS STRING FORMAT 'DAY')`` fills up with spaces to nine characters; ``%A`` does not (format-elements)."""
    return op.arg.to_expr().strftime("%A").op()


def range_of_time(op: Any) -> Any:
    """A frame of hours over a time is one of microseconds over a number (window-function-calls#def_window_frame).

    Raises:
        UnsupportedOperationError: a frame of months or years, which are of no fixed length.
    """
    bounds = [bound for bound in (op.start, op.end) if bound is not None and bound.value.dtype.is_interval()]
    if op.how != "range" or not bounds or len(op.order_by) != 1:
        return op
    (key,) = op.order_by
    number = key.copy(arg=_in_utc(key.arg).cast("int64").op())
    return op.copy(start=_in_micros(op.start), end=_in_micros(op.end), order_by=(number,))


def text_as_value(op: Any, guarded: Any) -> Any:
    """A ``DATETIME`` in text has seconds if it has hours (data-types#canonical_format_for_datetime_literals)."""
    if guarded is op or not op.to.is_timestamp():
        return guarded
    text = guarded.arg.to_expr()
    return text.re_search(r"[T ][0-9]{1,2}:[0-9]{2}$").ifelse(text + ":00", text).try_cast(op.to).op()


def _has_zone(kind: Any) -> bool:
    return bool(kind.is_timestamp() and kind.timezone is not None)


def _in_utc(op: Any) -> Any:
    value = op.to_expr()
    return value if _has_zone(op.dtype) else value.cast("timestamp('UTC')")


def _in_micros(bound: Any) -> Any:
    import ibis
    import ibis.expr.operations as ops
    from ibis.common.exceptions import UnsupportedOperationError

    if bound is None:
        return None
    # A boundary that was given as a number is a cast of it.
    said = bound.value.arg if isinstance(bound.value, ops.Cast) else bound.value
    unit, count = bound.value.dtype.unit.short, getattr(said, "value", None)
    if count is None or unit not in {*_SECONDS, *_PARTS}:
        raise UnsupportedOperationError(f"BigQuery has no WindowFunction over a range of {bound.value.dtype}")
    whole = count * _SECONDS[unit] * 1_000_000 if unit in _SECONDS else count * 1_000_000 // _PARTS[unit]
    return bound.copy(value=ibis.literal(whole, "int64").op())
