"""The digest of a table, computed by the engine that has it, and the same for the same rows in every engine.

Each row is written as text, column by column: a number, a date or a time and ``;``; a text behind its length; ``-;``
where there is none. The 32 hexadecimal digits of the row's MD5 are four whole numbers, and each of these is summed over
all rows. So it is the same for the same rows in any order, and counts a row as often as it stands there.

Engines write fractions as text each in their own way. So a fraction is written as three whole numbers: what is before
the point, the next 62 binary places, and the 62 after these. Multiplying by a power of two and taking away what is
before the point are exact in IEEE 754, so the three are the same everywhere. A fraction that has more (from 2**62 on,
or with digits after the 124th place) is counted: a table with one has no digest here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.clients.engines import EngineKind

__all__ = ["TableDigest", "digest_sql", "read_digest"]

_PLACES = "4.611686018427388e18"
"""2**62; every engine reads these digits as that."""
_LARGEST = "1.7976931348623157e308"


class TableDigest(NamedTuple):
    """Of a table.

    Attributes:
        rows: how many.
        digest: 64 hexadecimal digits.
    """

    rows: int
    digest: str


@dataclass(frozen=True)
class _Words:
    """What an engine calls things; ``{}`` is the value, ``{scale}`` the digits of a decimal after its point.

    Attributes:
        zoned: the microseconds of a time in a zone, where they are asked for otherwise than those of one in none.
        decimal: a decimal as text, where that is not what it is for all values.
    """

    text: str
    size: str
    digits: str
    whole: str
    micros: str
    zoned: str = ""
    decimal: str = ""
    md5: str = "md5({})"
    double: str = "CAST({} AS DOUBLE)"
    is_nan: str = "isnan({})"
    quote: str = '"'

    def named(self, name: str) -> str:
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote


_DUCKDB = _Words(
    text="CAST({} AS VARCHAR)",
    size="strlen({})",
    digits="CAST('0x' || substr({}, {start}, 8) AS BIGINT)",
    whole="CAST(trunc({}) AS BIGINT)",
    micros="epoch_us({})",
)
_SPARK = _Words(
    text="CAST({} AS STRING)",
    size="octet_length({})",
    digits="CAST(conv(substr({}, {start}, 8), 16, 10) AS BIGINT)",
    whole="CAST({} AS BIGINT)",
    micros="unix_micros(CAST({} AS TIMESTAMP_LTZ))",  # in the session's zone, which is UTC
    zoned="unix_micros({})",
    quote="`",
)
WORDS: dict[EngineKind, _Words] = {
    "duckdb": _DUCKDB,
    "spark": _SPARK,
    "databricks": _SPARK,
    "postgres": _Words(
        text="CAST({} AS text)",
        size="octet_length({})",
        digits="CAST(CAST('x' || substr({}, {start}, 8) AS bit(32)) AS bigint)",
        whole="CAST(trunc({}) AS bigint)",
        double="CAST({} AS double precision)",
        is_nan="{} = CAST('NaN' AS double precision)",
        micros="CAST(EXTRACT(EPOCH FROM {}) * 1000000 AS bigint)",
    ),
    "bigquery": _Words(
        text="CAST({} AS STRING)",
        size="BYTE_LENGTH({})",
        md5="TO_HEX(MD5({}))",
        digits="CAST(CONCAT('0x', SUBSTR({}, {start}, 8)) AS INT64)",
        whole="CAST(TRUNC({}) AS INT64)",
        double="CAST({} AS FLOAT64)",
        is_nan="IS_NAN({})",
        micros="UNIX_MICROS(TIMESTAMP({}))",
        zoned="UNIX_MICROS({})",
        decimal="FORMAT('%.{scale}f', {})",
        quote="`",
    ),
}


def digest_sql(kind: EngineKind, table: str, schema: pa.Schema) -> str | None:
    """The query, whose one row :func:`read_digest` reads.

    Args:
        kind: the engine.
        table: what stands after FROM, in the engine's own quotes.
        schema: the columns, as a reader of the table gets them; None is given for one of another kind.
    """
    from pyarrow import types

    words = WORDS[kind]
    fractions = [number for number, one in enumerate(schema) if types.is_floating(one.type)]
    first: list[str] = []
    line: list[str] = []
    for number, field in enumerate(schema):
        name = words.named(field.name)
        if number in fractions:
            first += _fraction(words, number, words.double.format(name))
            line.append(_written(words, number))
            continue
        text = _text(words, name, field.type)
        if text is None:
            return None
        first.append(f"CASE WHEN {name} IS NULL THEN '-;' ELSE {text} || ';' END AS t{number}")
        line.append(f"t{number}")
    if not line:
        return None
    beyond = " + ".join(_beyond(words, number) for number in fractions) or "0"
    query = f"SELECT {', '.join(first)} FROM {table}"  # noqa: S608 - names are quoted
    for before, after in (("v", "f"), ("f", "g")):
        places = "".join(
            f", {_rest(words, f'{before}{number}')} * {_PLACES} AS {after}{number}" for number in fractions
        )
        query = f"SELECT *{places} FROM ({query}) AS of_{before}" if fractions else query  # noqa: S608
    numbers = [f"SUM({words.digits.replace('{start}', str(start)).format('h')})" for start in (1, 9, 17, 25)]
    return (
        f"SELECT COUNT(*), {', '.join(numbers)}, SUM(beyond) "  # noqa: S608
        f"FROM (SELECT {words.md5.format('line')} AS h, beyond FROM (SELECT {' || '.join(line)} AS line, "
        f"{beyond} AS beyond FROM ({query}) AS parts) AS written) AS hashed"
    )


def read_digest(row: tuple[object, ...]) -> TableDigest | None:
    """The digest in an answer; None if a fraction is beyond what is exact."""
    rows, *numbers, beyond = (int(str(value or 0)) for value in row)
    return None if beyond else TableDigest(rows, "".join(f"{number:016x}" for number in numbers))


def _text(words: _Words, name: str, kind: pa.DataType) -> str | None:
    """A value that is no fraction, as text."""
    from pyarrow import types

    micros = (words.zoned if getattr(kind, "tz", None) else "") or words.micros
    decimal = (words.decimal or words.text).replace("{scale}", str(getattr(kind, "scale", 0)))
    sized = f"{words.text.format(words.size.format(name))} || ':' || {name}"
    ways: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
        (types.is_boolean, f"CASE WHEN {name} THEN '1' ELSE '0' END"),
        (types.is_integer, words.text.format(name)),
        (types.is_string, sized),
        (types.is_large_string, sized),
        (types.is_date32, words.text.format(name)),
        (types.is_timestamp, words.text.format(micros.format(name))),
        (types.is_decimal, decimal.format(name)),
    )
    return next((text for fits, text in ways if fits(kind)), None)


def _fraction(words: _Words, number: int, value: str) -> Iterator[str]:
    """What a fraction is if it is none that can be written, as ``s``; else itself, as ``v``."""
    yield (
        f"CASE WHEN {value} IS NULL THEN '-' WHEN {words.is_nan.format(value)} THEN 'n' "
        f"WHEN {value} > {_LARGEST} THEN 'p' WHEN {value} < -{_LARGEST} THEN 'm' "
        f"WHEN abs({value}) >= {_PLACES} THEN 'x' END AS s{number}"
    )
    yield (
        f"CASE WHEN {words.is_nan.format(value)} THEN NULL WHEN abs({value}) < {_PLACES} THEN {value} END AS v{number}"
    )


def _rest(words: _Words, value: str) -> str:
    """What is behind the point."""
    return f"({value} - {words.double.format(words.whole.format(value))})"


def _written(words: _Words, number: int) -> str:
    written = " || '.' || ".join(words.text.format(words.whole.format(f"{part}{number}")) for part in "vfg")
    return f"coalesce(s{number}, {written}) || ';'"


def _beyond(words: _Words, number: int) -> str:
    return f"CASE WHEN s{number} = 'x' THEN 1 WHEN {_rest(words, f'g{number}')} <> 0 THEN 1 ELSE 0 END"
