"""A model that reads :class:`~workbench.serving.rows.Rows` in place of an Arrow table.

All arithmetic stays the model's own, so what is served is what ``score`` writes. Only the reading is done in another
way: through Arrow, a row of thirty columns costs a millisecond before the model has seen it. Here the maps of all
columns write into one matrix, and categories are looked up in dictionaries.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.learning.boosting.few import FewRows
from workbench.learning.encoding import MISSING, UNSEEN, CategoricalColumn, Encoded, TableEncoder
from workbench.learning.encoding.categorical import KNOWN

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.learning import Columns, TabularModel
    from workbench.learning.boosting.table import TreeColumns
    from workbench.serving.rows import Rows

__all__ = ["known_categories", "swift"]


class SwiftCategory:
    """A vocabulary as a dictionary; the codes are those of ``CategoricalColumn.transform``."""

    def __init__(self, column: CategoricalColumn, place: int) -> None:
        self.place = place
        self._codes: dict[str | None, int] = {value: code for code, value in enumerate(column.values, start=KNOWN)}
        if column.gaps:
            self._codes[None] = MISSING

    def codes(self, rows: Rows) -> list[int]:
        """Of each row."""
        get, place = self._codes.get, self.place
        return [get(row[place], UNSEEN) for row in rows.texts]


class SwiftEncoder:
    """As ``TableEncoder``, for ``features``, ``inputs`` and ``target``."""

    def __init__(self, encoder: TableEncoder, columns: Columns) -> None:
        self.inputs, self.target = encoder.inputs, encoder.target
        places = {name: place for place, name in enumerate(columns.numeric)}
        self._maps = [
            (places[column.name], np.array(column.knots), np.array(column.scores))
            for column in encoder.numeric
            if column.varies
        ]
        self._mapped = [place for place, _, _ in self._maps]
        self._flagged = [places[column.name] for column in encoder.numeric if column.flagged]
        self._categories = _swift_categories([column for column in encoder.categorical if column.varies], columns)
        self.knots = {column.name: column.knots for column in encoder.numeric}

    def features(self, rows: Rows) -> Encoded:
        """The matrices that a network reads."""
        values = rows.matrix()
        finite = np.isfinite(values)
        scores = np.empty((len(values), len(self._maps)))
        for place, (column, knots, levels) in enumerate(self._maps):
            scores[:, place] = np.interp(values[:, column], knots, levels)
        scores[~finite[:, self._mapped]] = 0
        codes = np.empty((len(values), len(self._categories)), dtype=np.int32)
        for place, category in enumerate(self._categories):
            codes[:, place] = category.codes(rows)
        return Encoded(scores.astype(np.float32), (~finite[:, self._flagged]).astype(np.float32), codes)


class SwiftTreeColumns:
    """As ``TreeColumns``, for ``matrix`` and ``len``."""

    def __init__(self, table: TreeColumns, columns: Columns) -> None:
        self._length = len(table)
        self._numbers = [columns.numeric.index(name) for name in table.numeric]
        self._categories = _swift_categories(table.categorical, columns)

    def __len__(self) -> int:
        return self._length

    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]:
        """``(rows, columns)``, categories first; missing and unseen values are NaN."""
        values = rows.matrix()[:, self._numbers]
        values[~np.isfinite(values)] = np.nan
        matrix = np.empty((len(values), self._length))
        for place, category in enumerate(self._categories):
            codes = np.array(category.codes(rows)) - KNOWN
            matrix[:, place] = np.where(codes >= 0, codes, np.nan)
        matrix[:, len(self._categories) :] = values
        return matrix


def swift(model: TabularModel) -> TabularModel:
    """The same model, for :class:`~workbench.serving.rows.Rows`; what was given stays as it is."""
    made: Any = copy.copy(model)
    if model.kind == "ensemble":
        made.members = {name: swift(member) for name, member in made.members.items()}
    elif model.kind == "boosting":
        made.table = SwiftTreeColumns(made.table, model.columns)
        made.trees = FewRows(made.trees)
    else:
        made.encoder = SwiftEncoder(made.encoder, model.columns)
    swifted: TabularModel = made
    return swifted


def known_categories(model: Any) -> dict[str, frozenset[str]]:
    """Of each category column, the values that the model, or a member of it, has learned something of."""
    if model.kind == "ensemble":
        several = [known_categories(member) for member in model.members.values()]
        return {name: frozenset().union(*(one.get(name, ()) for one in several)) for name in model.columns.categorical}
    vocabularies = (model.table if model.kind == "boosting" else model.encoder).categorical
    found = {column.name: frozenset(column.values) for column in vocabularies}
    return {name: found.get(name, frozenset()) for name in model.columns.categorical}


def _swift_categories(vocabularies: Sequence[CategoricalColumn], columns: Columns) -> list[SwiftCategory]:
    return [SwiftCategory(column, columns.categorical.index(column.name)) for column in vocabularies]
