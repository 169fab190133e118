"""GoogleSQL, as Ibis writes it, in DuckDB's words; what the two mean differently is put right on the way.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax · conversion_rules · format-elements
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlglot
from bigquery_refusals import Refused, kind_of, refuse_functions, refuse_types
from bigquery_types import LEGACY, Field, duckdb_type, is_column_name, sql_type
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

__all__ = ["Name", "Statement", "read"]

Name = tuple[str, str, str]
"""Project, dataset, table."""


@dataclass(frozen=True)
class Statement:
    """What a text of SQL asks for.

    Attributes:
        kind: ``SELECT``, ``CREATE_TABLE_AS_SELECT`` or ``DROP_TABLE``.
        fields: the columns of the answer.
        query: DuckDB's SELECT; its columns have the types of the fields.
        target: the table that is made or dropped.
        lenient: whether a table may be there already, or not be there.
    """

    kind: str
    fields: list[Field]
    query: str = ""
    target: Name | None = None
    lenient: bool = False


def read(sql: str, project: str, dataset: str | None, fields_of: Callable[[Name], list[Field]]) -> Statement:
    """Parse, check and translate one statement.

    Args:
        sql: the statement.
        project: that names of tables without one are in.
        dataset: the job's ``defaultDataset``.
        fields_of: gives a table's columns, or raises :class:`Refused`.

    Raises:
        Refused: BigQuery would not run it.
    """
    refuse_functions(sql)
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except SqlglotError as error:
        raise Refused(f"Syntax error: {str(error).splitlines()[0]}") from error
    if isinstance(tree, exp.Drop) and tree.kind == "TABLE":
        return Statement(
            "DROP_TABLE", [], target=_name(tree.this, project, dataset), lenient=bool(tree.args.get("exists"))
        )
    if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.expression, exp.Query):
        target = _name(tree.this, project, dataset)
        fields, query = _select(tree.expression, project, dataset, fields_of)
        return Statement("CREATE_TABLE_AS_SELECT", fields, query, target, bool(tree.args.get("replace")))
    if isinstance(tree, exp.Query):
        fields, query = _select(tree, project, dataset, fields_of)
        return Statement("SELECT", fields, query)
    raise Refused(f"the double does not know statements such as {type(tree).__name__.upper()}", "notImplemented")


def _name(table: exp.Expression, project: str, dataset: str | None) -> Name:
    found = table.find(exp.Table)
    assert found is not None
    parts = [part for part in (found.catalog, found.db, found.name) if part]
    # `project.dataset.table` between one pair of backticks is three names.
    parts = ".".join(parts).split(".")
    if len(parts) == 1 and dataset is None:
        raise Refused(f'Table "{parts[0]}" must be qualified with a dataset (e.g. dataset.table).', "invalid")
    whole = [project, dataset or "", *parts] if len(parts) == 1 else [project, *parts] if len(parts) == 2 else parts
    return whole[0], whole[1], whole[2]


def _select(
    query: exp.Expression, project: str, dataset: str | None, fields_of: Callable[[Name], list[Field]]
) -> tuple[list[Field], str]:
    schema = MappingSchema(dialect="bigquery", normalize=False)
    names = {one.alias_or_name for one in query.find_all(exp.CTE)}
    for table in list(query.find_all(exp.Table)):
        if not table.db and table.name in names:
            continue
        name = _name(table, project, dataset)
        alias = table.alias or name[2]
        whole = exp.table_(name[2], db=name[1], catalog=name[0], quoted=True)
        whole.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        columns = {field["name"]: sql_type(field) for field in fields_of(name)}
        schema.add_table(whole.copy(), columns, normalize=False)
        table.replace(whole)
    query = _rewritten(query, _typed)
    try:
        query = qualify(
            query, dialect="bigquery", schema=schema, quote_identifiers=True, canonicalize_table_aliases=False
        )
    except SqlglotError as error:
        raise Refused(f"Unrecognized name: {str(error).splitlines()[0]}") from error
    query = annotate_types(query, schema=schema, dialect="bigquery")
    refuse_types(query)
    fields = [_field(one) for one in query.selects]
    names_of_fields = [field["name"].lower() for field in fields]
    if len(set(names_of_fields)) < len(fields):
        raise Refused("Duplicate column names in the result are not supported.")
    for field in fields:
        if not is_column_name(field["name"]):
            raise Refused(f'Invalid field name "{field["name"]}".')
    body = _rewritten(query, _in_duckdb).sql("duckdb")
    columns = ", ".join(
        f"CAST({_quoted(field['name'])} AS {duckdb_type(field)}) AS {_quoted(field['name'])}" for field in fields
    )
    return fields, f"SELECT {columns} FROM ({body})"


def _field(column: exp.Expression) -> Field:
    kind = kind_of(column) or ("INT64" if isinstance(column.unalias(), exp.Null) else None)
    if kind is None:
        raise Refused(f"the double does not know the type of {column.sql('bigquery')[:200]}", "notImplemented")
    return {"name": column.alias_or_name, "type": LEGACY.get(kind, kind), "mode": "NULLABLE"}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _typed(node: exp.Expression) -> exp.Expression:
    """Functions whose type sqlglot does not know, before it looks for types."""
    if isinstance(node, exp.Anonymous) and node.name.upper() == "IEEE_DIVIDE":
        return exp.cast(exp.Anonymous(this="IEEE_DIVIDE", expressions=node.expressions), "DOUBLE")
    if isinstance(node, exp.Anonymous) and node.name.upper() == "TRUNC":
        return exp.cast(exp.Anonymous(this="trunc", expressions=node.expressions), "DOUBLE")
    if isinstance(node, exp.TsOrDsToDatetime):
        return exp.cast(node.this, "TIMESTAMP")
    if isinstance(node, exp.Timestamp) and not node.args.get("zone") and not node.expression:
        return exp.cast(node.this, "TIMESTAMPTZ")
    return node


def _in_duckdb(node: exp.Expression) -> exp.Expression:
    """Where DuckDB means something else by the words that sqlglot has for it."""
    rule = _RULES.get(type(node))
    return node if rule is None else rule(node)


def _rewritten(tree: exp.Expression, rule: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    """From the leaves up; what takes a node's place has its type."""
    for node in reversed(list(tree.walk())):
        new = rule(node)
        if new is not node:
            new.type = new.type or node.type
            node.replace(new)
    return tree


def _sql(text: str, **parts: exp.Expression) -> exp.Expression:
    tree = sqlglot.parse_one(text, read="duckdb")
    for hole in list(tree.find_all(exp.Placeholder)):
        hole.replace(parts[hole.name].copy())
    return tree


def _function(node: Any) -> exp.Expression:
    if node.name.upper() == "IEEE_DIVIDE":
        left, right = node.expressions
        return _sql("(CAST(:a AS DOUBLE) / CAST(:b AS DOUBLE))", a=left, b=right)
    return node  # type: ignore[no-any-return]


def _division(node: Any) -> exp.Expression:
    return _sql(
        "CASE WHEN :b = 0 THEN error('division by zero: ' || :a || ' / 0') ELSE :a / :b END", a=node.left, b=node.right
    )


def _day_of_week(node: Any) -> exp.Expression:
    """Sunday is 1 there, and 0 here."""
    if node.name.upper() != "DAYOFWEEK":
        return node  # type: ignore[no-any-return]
    return _sql("(dayofweek(:a) + 1)", a=node.expression)


def _unix_seconds(node: Any) -> exp.Expression:
    return _sql("CAST(floor(epoch_us(:a) / 1000000.0) AS BIGINT)", a=node.this)


def _cast(node: Any) -> exp.Expression:
    """Fractions round away from zero, and are written without a zero at the end; numbers have 38 digits, 9 of them after
    the point; a text is a time in the canonical form alone."""
    given, wanted, arg = kind_of(node.this), node.to.this.value, node.this
    if node.args.get("format"):
        return _formatted(node)
    if given == "FLOAT64" and wanted in {"BIGINT", "INT"}:
        return _again(node, exp.func("round", arg))
    if given == "FLOAT64" and wanted in {"TEXT", "VARCHAR"}:
        return _sql(
            "CASE WHEN :a = trunc(:a) AND abs(:a) < 1e15 THEN CAST(CAST(:a AS BIGINT) AS VARCHAR) ELSE CAST(:a AS VARCHAR) END",
            a=arg,
        )
    if wanted in {"DECIMAL", "BIGDECIMAL"} and not node.to.expressions:
        kind = "DECIMAL(38, 9)" if wanted == "DECIMAL" else "DECIMAL(38, 18)"
        return type(node)(this=arg, to=exp.DataType.build(kind, dialect="duckdb"))  # type: ignore[no-any-return]
    if given == "STRING" and wanted in {"TIMESTAMP", "DATETIME"}:
        canonical = r"^\d{4}-\d{1,2}-\d{1,2}([ tT]\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,6})?)?$"
        other = "NULL" if isinstance(node, exp.TryCast) else "error('Invalid datetime string')"
        return _sql(
            f"CASE WHEN regexp_matches(:a, '{canonical}') THEN CAST(:a AS TIMESTAMP) WHEN :a IS NULL THEN NULL ELSE {other} END",
            a=arg,
        )
    return node  # type: ignore[no-any-return]


def _again(node: Any, arg: exp.Expression) -> exp.Expression:
    return type(node)(this=arg, to=node.to)  # type: ignore[no-any-return]


def _formatted(node: Any) -> exp.Expression:
    """``DAY`` is as long as the longest name of a day."""
    if node.args["format"].name.upper() != "DAY":
        raise Refused(f"the double does not know the format {node.args['format'].name}", "notImplemented")
    return _sql("rpad(upper(dayname(:a)), 9, ' ')", a=node.this)


def _bytes(node: Any) -> exp.Expression:
    return _sql("strlen(:a)", a=node.this)


def _format(node: Any) -> exp.Expression:
    """Of a decimal, ``%.2f`` writes all digits."""
    found = re.fullmatch(r"%\.(\d+)f", node.this.name)
    (value,) = node.expressions
    if not found or kind_of(value) not in {"NUMERIC", "BIGNUMERIC"}:
        raise Refused(f"the double does not know the format {node.this.name}", "notImplemented")
    return _sql(f"CAST(CAST(:a AS DECIMAL(38, {found[1]})) AS VARCHAR)", a=value)


def _smallest(node: Any) -> exp.Expression:
    """One that is not a number is the answer, whatever else there is."""
    if kind_of(node.this) != "FLOAT64" or isinstance(node.parent, exp.Window | exp.Filter):
        return node  # type: ignore[no-any-return]
    return _sql("CASE WHEN bool_or(isnan(:a)) THEN CAST('NaN' AS DOUBLE) ELSE min(:a) END", a=node.this)


_RULES: dict[type[exp.Expression], Callable[[Any], exp.Expression]] = {
    exp.Anonymous: _function,
    exp.ByteLength: _bytes,
    exp.Div: _division,
    exp.Extract: _day_of_week,
    exp.Format: _format,
    exp.UnixSeconds: _unix_seconds,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Min: _smallest,
}
