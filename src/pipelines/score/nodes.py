"""The node of ``score``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.score.parameters import ScoreParameters
from workbench.clients import Client
from workbench.errors import ModelError

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable

    from workbench.registry.models import Champion
else:
    # Kedro resolves the annotations of a node, to find the model of its parameters; these would import too much.
    ArrowTable = IbisTable = Champion = Any

__all__ = ["score_rows"]


def score_rows(
    client: Client,
    champion: Champion,
    features: IbisTable,
    feature_roles: dict[str, Any],
    parameters: ScoreParameters,
) -> ArrowTable:
    """Predict every row with the champion, a batch at a time; only the predictions stay in memory.

    Returns:
        Key columns, time, fold, ``prediction``, and ``probability`` unless the task is a regression, in the order of
        the features. The schema's metadata says which version of which run predicted.

    Raises:
        ModelError: the features lack a column that the champion reads.
    """
    import pyarrow as pa

    from workbench.registry.predictions import missing_columns, prediction_columns

    columns = champion.model.columns
    missing = missing_columns(columns, features.columns)
    if missing:
        raise ModelError(
            f"champion version {champion.version} reads {', '.join(missing)}, which the features do not have",
            where=f"client {client.id}, table features",
            hint=f"train a model on these features: `kedro run --env clients/{client.id}`",
        )
    time = feature_roles["time"]
    kept = [*feature_roles["key"], *([time] if time else []), feature_roles["fold"]]
    needed = dict.fromkeys([*kept, *columns.features])
    parts = []
    for batch in features.select(*needed).to_pyarrow_batches(chunk_size=parameters.batch_rows):
        rows = pa.Table.from_batches([batch])
        predictions = prediction_columns(columns, champion.model.predict(rows))
        parts.append(pa.table({**{name: rows.column(name) for name in kept}, **predictions}))
    if not parts:
        raise ModelError("there is no row to predict", where=f"client {client.id}, table features")
    return pa.concat_tables(parts).replace_schema_metadata(
        {
            b"workbench.client": client.id.encode(),
            b"workbench.model_version": str(champion.version).encode(),
            b"workbench.run_id": champion.run_id.encode(),
            b"workbench.model_sha256": champion.sha256.encode(),
        }
    )
