"""The nodes of ``ingest``. Rows stay in the engine; what comes into Python are counts.

Kedro resolves the annotations of every node, to build the model of the parameters from one of them. A name that is
there for type checkers alone would end that with a warning, and the node would get a dict; Ibis, on the other hand, is
not to be imported for it. So ``Table`` is ``Any`` at run time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.ingest.parameters import IngestParameters
from workbench.clients import Client, Schema
from workbench.errors import DataError
from workbench.sources import LINE, PROBLEM, OpenedTable

if TYPE_CHECKING:
    from ibis.expr.types import Table
else:
    Table = Any

__all__ = ["check_rows", "publish_raw", "summarise_tables"]

_LOG = logging.getLogger(__name__)
_SHOWN_REASONS = 10


def check_rows(
    client: Client,
    schema: Schema | None,
    sources: Mapping[str, Callable[[float], OpenedTable]],
    parameters: IngestParameters,
) -> tuple[dict[str, Table], dict[str, list[dict[str, Any]]]]:
    """Open each source, cast it to its schema, and find the reasons against each row.

    Args:
        client: the client.
        schema: what its tables must look like; a table without a schema gets inferred types and no checks.
        sources: table name to a function that opens the table at a scale factor.
        parameters: ``params:ingest``.

    Returns:
        ``checked``, the Ibis tables of :mod:`pipelines.ingest.checking`; and ``source_files``, table name to the files
        that were read, with their sha256.

    Raises:
        DataError: a table cannot be opened, or its columns are not those of the schema.
    """
    from pipelines.ingest.checking import check_table
    from pipelines.ingest.columns import check_columns
    from workbench.schemas.infer import infer_schema

    checked, files = {}, {}
    for table, open_table in sources.items():
        opened = open_table(parameters.scale_factor)
        names = tuple(name for name in opened.rows.columns if name not in (PROBLEM, LINE))
        table_schema = schema.tables.get(table) if schema else None
        if table_schema is None:
            _LOG.warning(
                "client %s, table %s: there is no schema in conf/clients/%s/schema.yml, so types are inferred and "
                "nothing is checked",
                client.id,
                table,
                client.id,
            )
            table_schema = infer_schema(opened.rows, names, client.id, table)
        check_columns(opened.rows, names, table_schema, client.id, table)
        try:
            checked[table] = check_table(opened.rows, table_schema)
        except DataError as error:
            # The engine, which counts keys here, does not know whose rows they are.
            error.where = error.where or f"client {client.id}, table {table}"
            raise
        files[table] = [file.to_dict() for file in opened.files]
    return checked, files


def summarise_tables(
    client: Client, checked: Mapping[str, Table], source_files: Mapping[str, list[dict[str, Any]]]
) -> tuple[dict[str, Table], dict[str, Any]]:
    """Set the bad rows apart and say what was found.

    Returns:
        ``quarantine``, table name to the bad rows as the source had them, with ``_reasons``; and ``ingest_summary``:
        ``client`` and ``tables``, each with ``source`` (its kind and files) and what
        :func:`pipelines.ingest.summary.summarise` says.
    """
    from pipelines.ingest.checking import quarantined
    from pipelines.ingest.summary import summarise

    tables = {
        table: {
            "source": {"kind": client.sources[table].kind, "files": source_files[table]},
            **summarise(rows, client.personal),
        }
        for table, rows in checked.items()
    }
    return {table: quarantined(rows) for table, rows in checked.items()}, {"client": client.id, "tables": tables}


def publish_raw(
    client: Client, schema: Schema | None, checked: Mapping[str, Table], ingest_summary: Mapping[str, Any]
) -> dict[str, Table]:
    """The good rows, if there are enough of them and pandera agrees that they are good.

    Returns:
        ``raw``, table name to its good rows.

    Raises:
        DataError: more rows of a table are bad than ``budgets.bad_rows_share`` allows, or pandera refuses one.
    """
    from pipelines.ingest.checking import kept
    from pipelines.ingest.judge import judge

    for table, summary in ingest_summary["tables"].items():
        _check_share(client, table, summary)
    raw = {table: kept(rows) for table, rows in checked.items()}
    for table, rows in raw.items():
        if schema and table in schema.tables:
            judge(rows, schema.tables[table], client.id, table)
    return raw


def _check_share(client: Client, table: str, summary: Mapping[str, Any]) -> None:
    allowed = client.budgets.bad_rows_share
    if summary["quarantined_share"] <= allowed and summary["kept"]:
        return
    reasons = list(summary["reasons"].items())
    shown = "; ".join(f"{reason} ({rows:,})" for reason, rows in reasons[:_SHOWN_REASONS])
    more = f"; and {len(reasons) - _SHOWN_REASONS} more reasons" if len(reasons) > _SHOWN_REASONS else ""
    raise DataError(
        f"{summary['quarantined']:,} of {summary['read']:,} rows are bad ({summary['quarantined_share']:.2%}), and "
        f"budgets.bad_rows_share allows {allowed:.2%}: {shown}{more}",
        where=f"client {client.id}, table {table}",
        hint=f"look at them with `catalog.load('quarantine')['{table}']`, then correct the source or "
        f"conf/clients/{client.id}/schema.yml; raw was left as it was",
    )
