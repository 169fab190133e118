"""Which columns of a table are predicted, and from which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from workbench.errors import ModelError

__all__ = ["Columns", "Task"]

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Columns:
    """The target and the features of a model.

    Args:
        task: ``binary`` (the target is 0 or 1), ``multiclass`` (a text) or ``regression`` (a number).
        target: the column to predict.
        numeric: number columns; null, NaN and infinities count as missing.
        categorical: text columns; null counts as missing, the empty text does not.
        classes: for ``multiclass``, all values that the target may have, in the order of the probabilities.

    Raises:
        ModelError: they contradict each other.
    """

    task: Task
    target: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise ModelError(f"task '{self.task}' is unknown", tried=", ".join(get_args(Task)))
        names = self.features
        if not names:
            raise ModelError("there is no feature column to learn from", hint="give the recipe at least one feature")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ModelError(f"feature '{twice[0]}' is named twice")
        if self.target in names:
            raise ModelError(f"the target '{self.target}' is also a feature", hint="leave it out of the features")
        if self.task == "multiclass" and len(set(self.classes or ())) < 2:
            raise ModelError("a multiclass task needs two classes or more", where=f"column {self.target}")

    @property
    def features(self) -> tuple[str, ...]:
        """All columns that a model reads to predict."""
        return (*self.numeric, *self.categorical)

    @classmethod
    def from_roles(cls, roles: Mapping[str, Any]) -> Columns:
        """From ``feature_roles``, which the pipeline ``prepare`` writes."""
        return cls.from_dict({name: roles[name] for name in ("task", "target", "numeric", "categorical", "classes")})

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Columns:
        """What :meth:`to_dict` wrote."""
        classes = record["classes"]
        return cls(
            task=record["task"],
            target=record["target"],
            numeric=tuple(record["numeric"]),
            categorical=tuple(record["categorical"]),
            classes=tuple(classes) if classes and record["task"] == "multiclass" else None,
        )
