"""An engine that is not embedded: it runs the expressions, and the tables lie in its own storage.

Rows never are in this process as a whole. What goes there or comes from there is a stream of Arrow batches; what stays
there, such as one table made of others, does not come by here at all.

A table appears under its name when it is whole, and never before: who is killed leaves a name behind that nobody reads.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from workbench.engines.digests import TableDigest, digest_sql, read_digest
from workbench.engines.portable import portable

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends.sql import SQLBackend

    from workbench.clients.engines import EngineKind, RemoteEngine

__all__ = ["BATCH_ROWS", "Warehouse"]

BATCH_ROWS = 65_536
"""Rows of a batch on its way to an engine."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Warehouse(ABC):
    """One namespace of one engine, for one client.

    Args:
        client: the client's id.
        settings: its ``engine`` of client.yml.
        namespace: of the client's tables; made if it is not there.
    """

    backend: SQLBackend

    def __init__(self, client: str, settings: RemoteEngine, namespace: str) -> None:
        self.client, self.settings, self.namespace = client, settings, namespace

    @property
    def kind(self) -> EngineKind:
        """Its name in client.yml."""
        return self.settings.kind

    @property
    def location(self) -> str:
        """Where the tables lie, for people and for records: no user, no secret."""
        return f"{self.settings.location}/{self.namespace}"

    @property
    def where(self) -> str:
        """The beginning of every error."""
        return f"client {self.client}, engine {self.kind}, {self.location}"

    @abstractmethod
    def names(self) -> list[str]:
        """All tables of the namespace, sorted."""

    @abstractmethod
    def table(self, name: str) -> ir.Table:
        """One of them, as an expression."""

    @abstractmethod
    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Make a table of a stream of batches. It takes the place of one that has the name."""

    @abstractmethod
    def create(self, name: str, expression: ir.Table) -> None:
        """Make a table of what an expression of this engine gives; no row leaves the engine."""

    @abstractmethod
    def batches(self, expression: ir.Table, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
        """The rows of an expression as a stream.

        Args:
            expression: what is read.
            schema: the types that they come in; those that Ibis gives the columns if it is not given.
        """

    @abstractmethod
    def drop(self, name: str) -> None:
        """Remove a table; there may be none."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    @abstractmethod
    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query in the engine's own words."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """A table's name, as it stands in a query."""

    def digest(self, name: str, schema: pa.Schema) -> TableDigest | None:
        """The digest of a table's rows, computed where they are; None if that cannot be exact.

        Args:
            name: the table.
            schema: the types of its columns, as a reader gets them.
        """
        sql = digest_sql(self.kind, self.quoted(checked(name)), schema)
        return None if sql is None else read_digest(self.row(sql))

    def fetch(self, expression: ir.Table) -> list[dict[str, Any]]:
        """The few rows of an expression as Python values; null is None."""
        with self.batches(expression) as reader:
            return [row for batch in reader for row in batch.to_pylist()]

    def sql(self, expression: ir.Table) -> str:
        """The expression in the engine's SQL."""
        return str(self.backend.compile(portable(expression, self.kind)))


def checked(name: str) -> str:
    """A name that means the same on every engine: in lower case, since some know no other; 63 characters at most."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a table")
    return name
