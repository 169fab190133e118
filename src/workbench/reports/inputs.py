"""What a report shows, handed from a node to its notebook as files in the notebook's own folder.

The node names datasets as its inputs, so Kedro orders it after their producers; the notebook loads them by the same
names. A person who opens the template in JupyterLab gets the client's catalog instead
(:func:`workbench.notebook.report_inputs`): both have ``load(name)``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from workbench.clients import Client, Schema
from workbench.engines import is_expression, write_parquet
from workbench.errors import ReportError

__all__ = ["HandedInputs", "Inputs", "hand_over", "rows"]

MODELS: dict[str, type[BaseModel]] = {"client": Client, "schema": Schema}
"""The inputs that are typed; a client need not have a schema."""


class Inputs(Protocol):
    """Where a report's data come from: a Kedro catalog, or :class:`HandedInputs`."""

    def load(self, name: str) -> Any:
        """The data of a dataset."""


class HandedInputs:
    """The files that :func:`hand_over` wrote.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str) -> Any:
        """A :class:`Client`, a :class:`Schema`, a JSON value, or a ``pyarrow.Table``.

        Raises:
            ReportError: the node did not hand it over.
        """
        record, table = self.folder / f"{name}.json", self.folder / f"{name}.parquet"
        if name.isidentifier() and table.is_file():
            import pyarrow.parquet as pq

            return pq.read_table(table)
        if name.isidentifier() and record.is_file():
            value = json.loads(record.read_text(encoding="utf-8"))
            return MODELS[name].model_validate(value) if name in MODELS and value is not None else value
        raise ReportError(
            f"input '{name}' was not handed to the notebook",
            tried=", ".join(sorted(path.stem for path in self.folder.iterdir())) or "the folder is empty",
            hint="name it among the inputs of the node in pipelines/report/pipeline.py",
        )


def hand_over(inputs: Mapping[str, Any], folder: Path) -> None:
    """Write each input to a file: models and JSON values as JSON, tables as Parquet.

    Args:
        inputs: an identifier to a model, a JSON value, an Arrow table or an Ibis expression.
        folder: an empty folder that only this report uses.
    """
    for name, value in inputs.items():
        if not name.isidentifier():
            raise ReportError(f"input {name!r} is not an identifier")
        if is_expression(value):
            write_parquet(value, folder / f"{name}.parquet")
        elif _is_arrow(value):
            import pyarrow.parquet as pq

            pq.write_table(value, folder / f"{name}.parquet")
        else:
            text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value, allow_nan=False)
            (folder / f"{name}.json").write_text(text, encoding="utf-8")


def rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a small table, be it Arrow or an Ibis expression."""
    found: list[dict[str, Any]] = (table.to_pyarrow() if is_expression(table) else table).to_pylist()
    return found


def _is_arrow(value: Any) -> bool:
    import sys

    module = sys.modules.get("pyarrow")
    return module is not None and isinstance(value, module.Table)
