"""Which rows a version knows: all up to a moment, or those of a set of keys.

With a time column it is one moment, and what lies after it is new. Without, the keys are kept as digests, shortened so
far that one new row in sixteen, at most, is taken for a known one. Which one that is has nothing to do with its values,
so the others stay a fair sample; and whether a key was there cannot be told from the digests for certain. Of a large
table, only digests with a certain beginning are kept, and looked for later: a fair sample, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.engines import fetch
from workbench.monitoring.arrow_tables import as_lazy

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["DIGEST", "Known", "digest", "fetch_known", "sample"]

DIGEST = "digest"

MOST_DIGESTS = 1_000_000
"""Of a larger table, digests that begin with a zero are kept: one in sixteen, or in 256, …"""

_SPARSE = 16


@dataclass(frozen=True)
class Known:
    """What a version knows.

    Attributes:
        rows: how many.
        newest: the moment up to which all rows are known, as the engine writes it; None without a time column.
        digits: hexadecimal digits of each digest that was kept.
        prefix: with which those begin that were.
    """

    rows: int
    newest: str | None = None
    digits: int = 0
    prefix: str = ""

    def new(self, table: ir.Table, roles: Mapping[str, Any], client: str, digests: pa.Table | None) -> ir.Table | None:
        """The rows that came since, or a fair sample of them.

        Args:
            table: the features of today.
            roles: ``feature_roles``.
            client: whose rows they are; digests of another client's say nothing.
            digests: what :func:`fetch_known` gave; needed without a time column.

        Returns:
            Its rows; None if it cannot be told which they are.
        """
        import ibis

        if self.newest is not None:
            if roles["time"] is None:
                return None
            moment = table[roles["time"]]
            return table.filter(moment > ibis.literal(self.newest).cast(moment.type()))
        if digests is None:
            return None
        names = table.columns
        marked = table.mutate(**{_MARK: digest(table, roles["key"], client)})
        sampled = marked.filter(marked[_MARK].startswith(self.prefix)) if self.prefix else marked
        short = sampled.mutate(**{_MARK: sampled[_MARK].substr(0, self.digits)})
        return short.anti_join(as_lazy(digests), [(_MARK, DIGEST)]).select(*names)


_MARK = "_workbench_digest"


def digest(table: ir.Table, key: list[str], salt: str) -> ir.StringColumn:
    """The MD5 of each row's key and a salt, in hexadecimal digits: another one than that which decides on its fold."""
    import ibis

    parts = [*(table[column].cast("string") for column in key), ibis.literal(salt)]
    joined: ir.StringColumn = ibis.literal("\x1f").join(parts).hexdigest("md5")
    return joined


def fetch_known(table: ir.Table, roles: Mapping[str, Any], client: str) -> tuple[Known, pa.Table | None]:
    """What a version that was trained on these features knows.

    Returns:
        It, and the digests as a table of one column, sorted; None where a moment says it all.
    """
    measures: dict[str, Any] = {"rows": table.count()}
    if roles["time"]:
        measures["newest"] = table[roles["time"]].max().cast("string")
    found = fetch(table.aggregate(**measures))[0]
    if found.get("newest") is not None:
        return Known(found["rows"], newest=found["newest"]), None
    rows = found["rows"]
    prefix = "0" * max(0, math.ceil(math.log(max(rows, 1) / MOST_DIGESTS, 16)))
    digits = len(prefix) + max(1, math.ceil(math.log(_SPARSE * max(rows / 16 ** len(prefix), 1), 16)))
    whole = table.select(whole=digest(table, roles["key"], client))
    kept = whole.filter(whole["whole"].startswith(prefix)) if prefix else whole
    short = kept.select(**{DIGEST: kept["whole"].substr(0, digits)}).distinct().order_by(DIGEST)
    return Known(rows, digits=digits, prefix=prefix), short.to_pyarrow()


def sample(table: ir.Table, roles: Mapping[str, Any], rows: int, most: int) -> ir.Table:
    """About ``most`` of a table's rows, chosen by their keys: the same ones in every run.

    Args:
        table: the rows.
        roles: ``feature_roles``; names the key.
        rows: how many there are.
        most: how many are wanted.
    """
    if rows <= most:
        return table
    limit = f"{int(most / rows * 16**8):08x}"
    return table.filter(digest(table, roles["key"], "sample").substr(0, 8) < limit)
