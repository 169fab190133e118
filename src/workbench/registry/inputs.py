"""Tables as MLflow knows them: name, digest, schema, number of rows; never a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import sha256_of_path

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.entities import DatasetInput

__all__ = ["DIGEST_CHARACTERS", "dataset_inputs"]

DIGEST_CHARACTERS = 32
"""MLflow keeps 36 characters of a digest; the whole sha256 stands in the source."""


def dataset_inputs(name: str, path: Path, project: Path, context: str) -> list[DatasetInput]:
    """One MLflow input for a Parquet file; one for each file of a folder, named ``<name>.<table>``.

    Args:
        name: the dataset's name in the catalog.
        path: the file or the folder.
        project: paths are recorded relative to it.
        context: what the table was read for: the name of a node.
    """
    if not path.is_dir():
        return [_input(name, path, project, context)]
    return [_input(f"{name}.{file.stem}", file, project, context) for file in sorted(path.glob("*.parquet"))]


def _input(name: str, file: Path, project: Path, context: str) -> DatasetInput:
    import pyarrow.parquet as pq
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    sha256 = sha256_of_path(file)
    where = file.relative_to(project) if file.is_relative_to(project) else file
    with pq.ParquetFile(file) as parquet:
        rows, schema = parquet.metadata.num_rows, parquet.schema_arrow
    dataset = Dataset(
        name=name,
        digest=sha256[:DIGEST_CHARACTERS],
        source_type="local",
        source=json.dumps({"uri": where.as_posix(), "sha256": sha256}),
        schema=json.dumps({"mlflow_colspec": [_column(field) for field in schema]}),
        profile=json.dumps({"num_rows": rows}),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])


def _column(field: pa.Field) -> dict[str, object]:
    from pyarrow import types

    kinds = [
        (types.is_boolean, "boolean"),
        (types.is_int64, "long"),
        (types.is_integer, "integer"),
        (types.is_float32, "float"),
        (types.is_floating, "double"),
        (types.is_temporal, "datetime"),
    ]
    kind = next((name for is_kind, name in kinds if is_kind(field.type)), "string")
    return {"name": field.name, "type": kind, "required": not field.nullable}
