"""What BigQuery refuses before it runs a query, and DuckDB would not.

Functions that it does not have; functions of one kind of time that are given another; windows over a range of time;
joins without an equality; comparisons of values of different kinds.

https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions · datetime_functions · date_functions ·
window-function-calls#def_window_frame · query-syntax#join_types · conversion_rules#coercion
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigquery_functions import FUNCTIONS
from sqlglot import exp
from sqlglot.dialects import BigQuery
from sqlglot.tokens import TokenType

__all__ = ["Refused", "kind_of", "refuse_functions", "refuse_types"]

_SIGNATURES: dict[type[exp.Expression], tuple[str, str]] = {
    exp.TimestampAdd: ("TIMESTAMP_ADD", "TIMESTAMP"),
    exp.TimestampSub: ("TIMESTAMP_SUB", "TIMESTAMP"),
    exp.TimestampDiff: ("TIMESTAMP_DIFF", "TIMESTAMP"),
    exp.UnixSeconds: ("UNIX_SECONDS", "TIMESTAMP"),
    exp.UnixMillis: ("UNIX_MILLIS", "TIMESTAMP"),
    exp.UnixMicros: ("UNIX_MICROS", "TIMESTAMP"),
    exp.DatetimeAdd: ("DATETIME_ADD", "DATETIME"),
    exp.DatetimeSub: ("DATETIME_SUB", "DATETIME"),
    exp.DatetimeDiff: ("DATETIME_DIFF", "DATETIME"),
    exp.UnixDate: ("UNIX_DATE", "DATE"),
    exp.DateAdd: ("DATE_ADD", "DATE"),
    exp.DateSub: ("DATE_SUB", "DATE"),
    exp.DateDiff: ("DATE_DIFF", "DATE"),
}
_KINDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), "INT64"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "FLOAT64"),
    **dict.fromkeys(("CHAR", "VARCHAR", "NVARCHAR", "TEXT"), "STRING"),
    **dict.fromkeys(("BINARY", "VARBINARY"), "BYTES"),
    **dict.fromkeys(("DATETIME", "TIMESTAMP", "TIMESTAMPNTZ"), "DATETIME"),
    **dict.fromkeys(("TIMESTAMPTZ", "TIMESTAMPLTZ"), "TIMESTAMP"),
    "BOOLEAN": "BOOL",
    "DATE": "DATE",
    "TIME": "TIME",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "INTERVAL": "INTERVAL",
}
"""sqlglot's types to GoogleSQL's."""
_NUMBERS = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"})


class Refused(Exception):
    """A query that BigQuery does not run.

    Args:
        message: what is wrong.
        reason: https://cloud.google.com/bigquery/docs/error-messages
    """

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason


def kind_of(node: exp.Expression | None) -> str | None:
    """The type of an annotated expression, in GoogleSQL's words; None where it is not known, or null."""
    if node is None or node.type is None or isinstance(node, exp.Null):
        return None
    return _KINDS.get(node.type.this.value if isinstance(node.type.this, exp.DataType.Type) else "")


def refuse_functions(sql: str) -> None:
    """Refuse names before a bracket that are no function of GoogleSQL."""
    tokens = list(BigQuery().tokenize(sql))
    for place, token in enumerate(tokens[:-1]):
        called = tokens[place + 1].token_type is TokenType.L_PAREN
        before = tokens[place - 1].token_type if place else None
        if not called or token.token_type is TokenType.IDENTIFIER or not token.text.replace("_", "").isalnum():
            continue
        word = token.text.upper()
        if word in FUNCTIONS or word in _BRACKETED or before in {TokenType.ALIAS, TokenType.DOT}:
            continue
        raise Refused(f"Function not found: {token.text.lower()} at [{token.line}:{token.col}]")


_WORDS = """
ALL AND ANY AS BETWEEN BY CASE CUBE DISTINCT ELSE EXCEPT EXISTS FROM GROUP HAVING IN INTERVAL INTO IS JOIN LIKE LIMIT NOT
ON OR OVER PARTITION QUALIFY REPLACE ROLLUP SELECT SETS TABLE THEN UNION UNNEST USING VALUES WHEN WHERE WITH
NUMERIC BIGNUMERIC STRING BYTES DATE DATETIME TIMESTAMP TIME BOOL
"""
_BRACKETED = frozenset(_WORDS.split())
"""Words that a bracket may follow, and that are no functions."""


def refuse_types(tree: exp.Expression) -> None:
    """Refuse what an annotated query does with values of the wrong kind."""
    for node in tree.walk():
        if type(node) in _SIGNATURES:
            _refuse_signature(node, *_SIGNATURES[type(node)])
        elif isinstance(node, exp.Window):
            _refuse_window(node)
        elif isinstance(node, exp.Join):
            _refuse_join(node)
        elif isinstance(node, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
            _refuse_mixed(f"operator {_SIGNS[type(node)]}", [node.left, node.right])
        elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
            _refuse_sums(node)
        elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            _refuse_mixed("function IF", [node.args.get("true"), node.args.get("false")])
        elif isinstance(node, exp.Coalesce):
            _refuse_mixed("function COALESCE", [node.this, *node.expressions])
        elif isinstance(node, exp.Case):
            _refuse_mixed("operator CASE", [*(one.args["true"] for one in node.args["ifs"]), node.args.get("default")])


_SIGNS = {exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def _refuse_signature(node: Any, name: str, wanted: str) -> None:
    operands = [node.this]
    if name.endswith("_DIFF"):
        operands.append(node.expression)
    given = [kind_of(one) for one in operands]
    # A text that is written there becomes a time; one in a column does not.
    if any(kind not in {wanted, None} for kind, one in zip(given, operands, strict=True) if not one.is_string):
        raise Refused(
            f"No matching signature for function {name} for argument types: {', '.join(map(str, given))}. "
            f"Supported signature: {name}({wanted}, …)"
        )


def _refuse_window(node: exp.Window) -> None:
    for key in node.args.get("partition_by") or []:
        if kind_of(key) == "FLOAT64":
            raise Refused("Partitioning by expressions of type FLOAT64 is not allowed")
    spec, order = node.args.get("spec"), node.args.get("order")
    bounds = [] if spec is None else [spec.args.get("start"), spec.args.get("end")]
    offsets = [one for one in bounds if isinstance(one, exp.Expression)]
    if spec is None or spec.args.get("kind") != "RANGE" or not offsets:
        return
    if any(isinstance(one, exp.Interval) or kind_of(one) not in _NUMBERS for one in offsets):
        raise Refused("Window framing expression must be of a numeric type, and is INTERVAL")
    keys = order.expressions if order is not None else []
    if len(keys) != 1 or kind_of(keys[0].this) not in _NUMBERS:
        raise Refused("A window with a RANGE that has offsets is ordered by exactly one expression of a numeric type")
    if bool(keys[0].args.get("desc")) is bool(keys[0].args.get("nulls_first")):
        raise Refused("NULLS LAST with ASC, and NULLS FIRST with DESC, are not supported in a window with a RANGE")


def _refuse_join(node: exp.Join) -> None:
    if node.side and not node.args.get("using"):
        on = node.args.get("on")
        if on is None or not any(_is_equality(part) for part in _conjuncts(on)):
            raise Refused(
                f"{node.side} OUTER JOIN cannot be used without a condition that is an equality of fields from both "
                "sides of the join."
            )


def _conjuncts(condition: exp.Expression) -> Iterator[exp.Expression]:
    condition = condition.unnest()
    return condition.flatten() if isinstance(condition, exp.And) else iter([condition])


def _is_equality(part: exp.Expression) -> bool:
    part = part.unnest()
    if not isinstance(part, exp.EQ):
        return False
    sides = [{column.table for column in side.find_all(exp.Column)} for side in (part.left, part.right)]
    return bool(sides[0]) and bool(sides[1]) and not sides[0] & sides[1]


def _refuse_mixed(name: str, operands: list[exp.Expression | None]) -> None:
    known = [(kind, one) for one in operands if (kind := kind_of(one)) is not None]
    groups = {"number" if kind in _NUMBERS else kind for kind, one in known if not (one and one.unnest().is_string)}
    if len(groups) > 1 and groups != {"DATE", "DATETIME"} and groups != {"DATE", "TIMESTAMP"}:
        raise Refused(f"No matching signature for {name} for argument types: {', '.join(kind for kind, _ in known)}")


def _refuse_sums(node: Any) -> None:
    given = [kind_of(node.left), kind_of(node.right)]
    if "BOOL" in given or ("STRING" in given and "INTERVAL" not in given):
        raise Refused(f"No matching signature for operator {node.key} for argument types: {', '.join(map(str, given))}")
