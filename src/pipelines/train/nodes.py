"""The nodes of ``train``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.train.folds import feature_columns, rows_of_folds
from pipelines.train.monotone import monotone_columns
from pipelines.train.parameters import TrainParameters
from pipelines.train.tables import candidates_table, history_table, prediction_column, tuning_table
from workbench.clients import Client
from workbench.errors import DataError
from workbench.learning import Columns, EpochListener, TabularModel, TrainConfig
from workbench.learning.candidates import Selection, select

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable
else:
    # Kedro resolves the annotations of a node, to find the model of `params:train`; these two would import too much.
    ArrowTable = IbisTable = Any

__all__ = ["fit_candidates", "predict_holdout"]

_LOG = logging.getLogger(__name__)

PREDICTED = ("label", "network", "boosting", "linear", "ensemble", "majority")

Contenders = dict[str, Any]
"""What predicts, by the name of its column."""


def fit_candidates(
    client: Client,
    features: IbisTable,
    feature_roles: dict[str, Any],
    epoch_listener: EpochListener,
    parameters: TrainParameters,
) -> tuple[TabularModel, ArrowTable, ArrowTable, ArrowTable, Contenders]:
    """Train the candidates on the training rows; the validation rows decide when each stops, and which goes on.

    While the network learns, checkpoints lie in the folder that the parameters name; after a crash, the next run goes
    on there.

    Returns:
        The model that is best on the validation rows. Its history, of an ensemble that of its network: one row an
        epoch (a tree, a strength of the penalty), see :func:`pipelines.train.tables.history_table`. How the candidates
        did, see :func:`pipelines.train.tables.candidates_table`. The trials of a search for the network's settings, see
        :func:`pipelines.train.tables.tuning_table`. All models, and the majority, for the held-out rows.
    """
    from workbench.learning.baselines import majority

    columns = Columns.from_roles(feature_roles)
    names = feature_columns(feature_roles)
    memory, device = parameters.memory_bytes, parameters.device
    train, validation = rows_of_folds(
        features, feature_roles, ("train", "validation"), names, memory_bytes=memory, device=device
    )
    budget = parameters.budget_seconds or client.budgets.train_seconds
    folder = Path(parameters.checkpoints, client.id, "training") if parameters.checkpoints else None
    try:
        found = select(
            train,
            validation,
            columns,
            TrainConfig(**parameters.of_network(), budget_seconds=budget),
            names=parameters.candidates,
            metric=client.metric.name,
            ensemble=parameters.ensemble,
            monotone=monotone_columns(client, feature_roles),
            tune=parameters.tune,
            on_trial=epoch_listener.trial if parameters.tune else None,
            on_epoch=epoch_listener,
            folder=folder,
        )
    finally:
        epoch_listener.close()
    _tell(found)
    everybody = {kind: contender.model for kind, contender in found.contenders.items()}
    return (
        found.model,
        history_table(found.model.history),
        candidates_table(found),
        tuning_table(found.search),
        {**everybody, "majority": majority(train, columns)},
    )


def predict_holdout(
    contenders: Contenders, features: IbisTable, feature_roles: dict[str, Any], parameters: TrainParameters
) -> ArrowTable:
    """Predict the test rows with every model; if memory does not hold them, a batch at a time.

    Returns:
        One row a test row, in the order of the key: key, segment and protected columns, ``label``, and a column a
        model: the probability of 1, a list of class probabilities, or the value. For a regression, ``majority`` is the
        mean.

    Raises:
        DataError: a column of the features has the name of one of those.
    """
    import pyarrow as pa

    from workbench.learning.streaming import ParquetRows
    from workbench.learning.streaming.reading import predictions_of

    kept = list(
        dict.fromkeys([*feature_roles["key"], *feature_roles["segments"], *feature_roles["protected"]]),
    )
    for name in kept:
        if name in PREDICTED:
            raise DataError(f"column '{name}' has the name of a prediction", hint="rename it in the recipe")
    target = feature_roles["target"]
    names = [*kept, *feature_columns(feature_roles)]
    (test,) = rows_of_folds(features, feature_roles, ("test",), names, memory_bytes=parameters.memory_bytes)
    predictions = {name: prediction_column(values) for name, values in predictions_of(contenders, test).items()}
    known = test.table(list(dict.fromkeys([*kept, target]))) if isinstance(test, ParquetRows) else test
    return pa.table({**{name: known[name] for name in kept}, "label": known[target], **predictions})


def _tell(found: Selection) -> None:
    """A line a model, the chosen one last; where one learned from a sample, that is in the MLflow run, too."""
    if any(one.rows < found.rows or one.judged < found.judged for one in found.contenders.values()):
        from workbench.registry.runs import current

        run = current()
        if run is not None:
            learned = {f"learned_rows.{kind}": float(one.rows) for kind, one in found.contenders.items()}
            judged = {f"judged_rows.{kind}": float(one.judged) for kind, one in found.contenders.items()}
            every = {"training_rows": float(found.rows), "validation_rows": float(found.judged)}
            run.log_metrics({**learned, **judged, **every}, 0)
    for kind, one in sorted(found.contenders.items(), key=lambda item: item[0] == found.chosen):
        few = f" on {one.rows:,} of {found.rows:,} rows" if one.rows < found.rows else ""
        _LOG.info(
            "%s of %s: validation %s %.4f%s%s",
            kind,
            _body(one.model),
            found.metric,
            one.value,
            f", trained in {one.seconds:.0f} s{few}" if kind != "ensemble" else "",
            "; it goes on" if kind == found.chosen else "",
        )
        if kind != "ensemble" and one.model.history[-1].stopped == "budget":
            _LOG.warning("the budget of the client, budgets.train_seconds, ended the training of the %s early", kind)


def _body(model: Any) -> str:
    """What a model consists of, and where its training stopped."""
    if model.kind == "ensemble":
        return " and ".join(f"{weight:.2f} {name}" for name, weight in model.weights.items())
    last, best = model.history[-1], min(model.history, key=lambda report: report.validation_loss)
    stopped = (
        f"{best.epoch} of {last.epoch} was best (validation loss {best.validation_loss:.4f}), stopped by {last.stopped}"
    )
    if model.kind == "network":
        return f"{model.weights:,} weights on {model.device.type}, epoch {stopped}"
    return (
        f"{len(model.trees):,} trees, round {stopped}"
        if model.kind == "boosting"
        else f"{model.weights.size:,} weights"
    )
