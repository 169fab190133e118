"""Kind ``sklearn``: a table that scikit-learn carries.

The key is ``sample_id``, 1 to n in scikit-learn's order. Columns are its feature names in snake case, then the target
as a plain column: the class's name where scikit-learn has names, else its number; but ``malignant`` is 1 or 0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.sources.header import check_names
from workbench.sources.opening import OpenedTable, Opening, SourceFile

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.clients.sources import SklearnSource

__all__ = ["open_table"]

_TARGETS = {
    "breast_cancer": "malignant",
    "diabetes": "progression",
    "digits": "digit",
    "iris": "species",
    "wine": "cultivar",
}


def open_table(source: SklearnSource, opening: Opening) -> OpenedTable:
    """Write the table, which has some hundred rows, to the scratch folder, and open it there."""
    import pyarrow.parquet as pq

    path = opening.folder() / f"{source.dataset}.parquet"
    table = _table(source.dataset)
    check_names(table.column_names, opening.where)
    pq.write_table(table, path)
    return OpenedTable(opening.connection.read_parquet(path), (SourceFile.of(path),))


def _table(dataset: str) -> pa.Table:
    import pyarrow as pa
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{dataset}")()
    columns: dict[str, Any] = {"sample_id": pa.array(range(1, len(bunch.data) + 1), pa.int64())}
    for position, name in enumerate(bunch.feature_names):
        columns[re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")] = bunch.data[:, position]
    columns[_TARGETS[dataset]] = _target(dataset, bunch)
    return pa.table(columns)


def _target(dataset: str, bunch: Any) -> Any:
    if dataset == "breast_cancer":
        return 1 - bunch.target  # scikit-learn's 0 is malignant, its 1 benign
    if dataset in ("iris", "wine"):
        return [str(bunch.target_names[number]) for number in bunch.target]
    return bunch.target
