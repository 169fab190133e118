"""From an Arrow table to the matrices that a network reads. All of it is fitted on training rows only."""

from __future__ import annotations

from workbench.learning.encoding.categorical import MISSING, UNSEEN, CategoricalColumn
from workbench.learning.encoding.numeric import NumericColumn
from workbench.learning.encoding.table import Encoded, Inputs, TableEncoder
from workbench.learning.encoding.target import TargetCoder

__all__ = [
    "MISSING",
    "UNSEEN",
    "CategoricalColumn",
    "Encoded",
    "Inputs",
    "NumericColumn",
    "TableEncoder",
    "TargetCoder",
]
