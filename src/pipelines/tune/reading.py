"""The rows of a client's examples, each with the place that a person finds it at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipelines.tune.parameters import ExampleSettings
from workbench.datasets import ClientFiles
from workbench.errors import ConfigurationError, DataError

__all__ = ["read_rows"]

Row = tuple[str, Any]
"""Where it stands, and what stands there."""

BATCH = 10_000


def read_rows(files: ClientFiles, settings: ExampleSettings) -> Iterator[Row]:
    """Read the file or the table, a line or row at a time.

    Raises:
        ConfigurationError: the client has said neither, or the path leaves the project.
        DataError: it is not there, or a line is not UTF-8 or not JSON.
    """
    if settings.file:
        return _lines(files, settings.file)
    if settings.table:
        return _table(files, settings)
    raise ConfigurationError(
        "has no examples to tune a language model with",
        where=f"client {files.client}",
        tried=f"tune.examples.file and tune.examples.table in conf/clients/{files.client}/parameters.yml, conf/base",
        hint=f"write `tune: {{examples: {{file: data/{files.client}/01_raw/examples.jsonl}}, "
        "model: {path: models/base}}` into that file; docs/tune.md says more",
    )


def _lines(files: ClientFiles, text: str) -> Iterator[Row]:
    path = files.path(text, "tune.examples.file")
    if not path.is_file():
        raise DataError(
            f"no file is at '{text}'",
            where=f"client {files.client}, tune.examples.file",
            tried=str(path),
            hint="bring the file, or correct the path",
        )
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"client {files.client}, {text}:{number}"
            if not line.strip():
                continue
            try:
                yield where, json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as error:
                raise DataError("is not UTF-8", where=where, hint="save the file as UTF-8") from error
            except (ValueError, RecursionError) as error:
                detail = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
                raise DataError(f"is not JSON ({detail})", where=where, hint="one JSON object a line") from error


def _table(files: ClientFiles, settings: ExampleSettings) -> Iterator[Row]:
    import pyarrow.parquet as pq

    name = str(settings.table)
    path = files.table(name)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.parquet"))) or "none yet"
        raise DataError(
            f"there is no table '{name}'",
            where=f"client {files.client}, tune.examples.table",
            tried=f"the tables that `ingest` left: {known}",
            hint=f"`kedro run --pipeline ingest --env clients/{files.client}`, or correct the name",
        )
    with pq.ParquetFile(path) as table:
        wanted = [settings.messages, settings.prompt, settings.response, settings.rejected]
        columns = [column for column in wanted if column in table.schema_arrow.names]
        number = 0
        for batch in table.iter_batches(BATCH, columns=columns):
            for row in batch.to_pylist():
                number += 1
                # A column of a table is there for every row; what is missing in one row is None.
                yield f"client {files.client}, table {name}, row {number}", _without_none(row)


def _without_none(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}
