"""What a model's requests have to hold: its columns, by name, with their types."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from workbench.serving.refusals import Refusal
from workbench.serving.rows import Rows
from workbench.serving.swift import known_categories

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.learning import Columns, TabularModel

__all__ = ["Contract", "Predicted"]

_NUMBERS: frozenset[type] = frozenset({float, int, type(None)})
_TEXTS: frozenset[type] = frozenset({str, type(None)})


@dataclass(frozen=True, slots=True)
class Predicted:
    """What is told of rows: as ``workbench.registry.predictions.prediction_columns``, in Python's own types."""

    prediction: list[Any]
    probability: list[float] | None

    def cut(self, start: int, end: int) -> Predicted:
        """Some of the rows."""
        return Predicted(self.prediction[start:end], self.probability[start:end] if self.probability else None)

    def records(self) -> list[dict[str, Any]]:
        """A record a row."""
        if self.probability is None:
            return [{"prediction": value} for value in self.prediction]
        return [
            {"prediction": value, "probability": odds}
            for value, odds in zip(self.prediction, self.probability, strict=True)
        ]


class Contract:
    """The columns of one model.

    Args:
        model: the trained model.
        refuse_unknown: whether a category that the model has not learned is refused.
        most_rows: rows of one request.
    """

    def __init__(self, model: TabularModel, *, refuse_unknown: bool = False, most_rows: int = 1000) -> None:
        self.columns: Columns = model.columns
        self.most_rows = most_rows
        self.known = known_categories(model)
        self._refuse_unknown = refuse_unknown
        self._numbers, self._texts = _getter(self.columns.numeric), _getter(self.columns.categorical)

    def rows_of_records(self, records: Any, key: str) -> Rows:
        """Rows from a list of objects, column to value; columns that the model does not read are not looked at.

        Args:
            records: what came.
            key: its name in the request, for the refusal.
        """
        count = self._counted(records, key)
        numbers, texts = self._numbers, self._texts
        try:
            rows = Rows([numbers(record) for record in records], [texts(record) for record in records])
        except (KeyError, TypeError, IndexError):
            raise self._unlike_a_record(records, key) from None
        assert rows.num_rows == count  # noqa: S101 - a getter gives one for each
        return self.checked(rows)

    def rows_of_columns(self, columns: Mapping[str, Sequence[Any]], key: str) -> Rows:
        """Rows from column to values, all of one length."""
        for name in self.columns.features:
            if name not in columns:
                raise _missing(name)
        lengths = {name: len(columns[name]) for name in self.columns.features}
        count = lengths[self.columns.features[0]]
        for name, length in lengths.items():
            if length != count:
                raise Refusal(422, f"column '{name}' has {length} rows, others have {count}", field=name)
        self._counted(range(count), key)
        numbers = zip(*(columns[name] for name in self.columns.numeric), strict=True)
        texts = zip(*(columns[name] for name in self.columns.categorical), strict=True)
        return self.checked(
            Rows(
                list(numbers) if self.columns.numeric else [()] * count,
                list(texts) if self.columns.categorical else [()] * count,
            )
        )

    def checked(self, rows: Rows) -> Rows:
        """The same rows, if every value is of its column's type, finite, and, if asked for, known."""
        if not _NUMBERS.issuperset(map(type, chain.from_iterable(rows.numbers))):
            raise _of_other_type(rows.numbers, self.columns.numeric, _NUMBERS, "a number or null")
        if not _TEXTS.issuperset(map(type, chain.from_iterable(rows.texts))):
            raise _of_other_type(rows.texts, self.columns.categorical, _TEXTS, "a text or null")
        if self._refuse_unknown:
            for at, row in enumerate(rows.texts):
                for name, value in zip(self.columns.categorical, row, strict=True):
                    if value is not None and value not in self.known[name]:
                        raise Refusal(422, f"column '{name}' has a category that is unknown", field=name, row=at)
        return rows

    def refuse_infinite(self, rows: Rows) -> None:
        """Name the first NaN or infinity; what orjson parsed cannot have one."""
        for at, row in enumerate(rows.numbers):
            for name, value in zip(self.columns.numeric, row, strict=True):
                if value is not None and not math.isfinite(value):
                    raise Refusal(422, f"column '{name}' has a number that is not finite", field=name, row=at)

    def unknown(self, rows: Rows) -> int:
        """Categories among the rows that the model has not learned."""
        vocabularies = [self.known[name] for name in self.columns.categorical]
        return sum(
            value is not None and value not in known
            for row in rows.texts
            for value, known in zip(row, vocabularies, strict=True)
        )

    def predicted(self, output: npt.NDArray[np.float64]) -> Predicted:
        """From what ``TabularModel.predict`` returned."""
        import numpy as np

        if self.columns.task == "regression":
            return Predicted(output.astype(np.float64).tolist(), None)
        if self.columns.task == "binary":
            return Predicted((output >= 0.5).astype(np.int8).tolist(), output.tolist())
        classes = self.columns.classes or ()
        best = output.argmax(axis=1).tolist()
        return Predicted([classes[place] for place in best], output.max(axis=1).tolist())

    def _counted(self, rows: Any, key: str) -> int:
        if type(rows) is not list and type(rows) is not range:
            raise Refusal(422, f"'{key}' is not a list", field=key)
        if not rows:
            raise Refusal(422, f"'{key}' has no row", field=key)
        if len(rows) > self.most_rows:
            raise Refusal(
                413,
                f"{len(rows)} rows are more than the {self.most_rows} of one request",
                field=key,
                reason="too_large",
            )
        return len(rows)

    def _unlike_a_record(self, records: list[Any], key: str) -> Refusal:
        for at, record in enumerate(records):
            if type(record) is not dict:
                return Refusal(422, f"row {at} of '{key}' is not an object, column to value", field=key, row=at)
            for name in self.columns.features:
                if name not in record:
                    return _missing(name, at)
        return Refusal(422, f"'{key}' is not a list of objects", field=key)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """From a record to the values of some columns; ``itemgetter`` gives a tuple for two and more only."""
    if not names:
        return lambda _: ()  # that it is an object, the getter of the other columns sees: a model has some
    if len(names) == 1:
        (only,) = names
        return lambda record: (record[only],)
    return itemgetter(*names)


def _missing(name: str, row: int | None = None) -> Refusal:
    message = f"column '{name}' is missing; where there is no value, say null"
    return Refusal(422, message, field=name, row=row)


def _of_other_type(
    rows: Sequence[tuple[Any, ...]], names: tuple[str, ...], wanted: frozenset[type], said: str
) -> Refusal:
    at, name = next(
        (at, name)
        for at, row in enumerate(rows)
        for name, value in zip(names, row, strict=True)
        if type(value) not in wanted
    )
    return Refusal(422, f"column '{name}' has something else than {said}", field=name, row=at)
