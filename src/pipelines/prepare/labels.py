"""The target column, from what a table holds to what a model is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients import Client

__all__ = ["Classes", "encoded", "finite", "label_of"]


@dataclass(frozen=True)
class Classes:
    """The classes of a classification.

    Attributes:
        names: sorted; None for a binary label that is 0 and 1 (or false and true) already.
        positive: the value of the table that becomes 1, of a binary label: the greater of the two.
    """

    names: tuple[str, ...] | None = None
    positive: Any = None


def finite(column: ir.Column) -> ir.Column:
    """A column in which NaN and infinities are missing."""
    import ibis

    if not column.type().is_floating():
        return column
    return (column.isnan() | column.isinf()).ifelse(ibis.null(column.type()), column)


def label_of(client: Client, table: ir.Table) -> ir.Column:
    """The target as it stands in a table, except that NaN and infinities are missing and booleans are 0 and 1."""
    label = table[client.target]
    return label.cast("int8") if label.type().is_boolean() else finite(label)


def encoded(client: Client, table: ir.Table, classes: Classes) -> ir.Column:
    """The label as the features hold it: int8 0 and 1, the name of a class, or float64."""
    label = label_of(client, table)
    if client.task == "binary":
        return (label == classes.positive).cast("int8")
    return label.cast("string" if client.task == "multiclass" else "float64")
