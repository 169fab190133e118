"""The nodes of ``train``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.train.folds import feature_columns, read_fold
from pipelines.train.parameters import TrainParameters
from workbench.clients import Client
from workbench.errors import DataError
from workbench.learning import Columns, EpochListener, TabularModel, TrainConfig, fit

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable
else:
    # Kedro resolves the annotations of a node, to find the model of `params:train`; these two would import too much.
    ArrowTable = IbisTable = Any

__all__ = ["fit_network", "predict_holdout"]

_LOG = logging.getLogger(__name__)

PREDICTED = ("label", "network", "boosting", "majority")


def fit_network(
    client: Client,
    features: IbisTable,
    feature_roles: dict[str, Any],
    epoch_listener: EpochListener,
    parameters: TrainParameters,
) -> tuple[TabularModel, ArrowTable]:
    """Train the network on the training rows; the validation rows decide when to stop.

    While it lasts, checkpoints lie in the folder that the parameters name; after a crash, the next run goes on there.

    Returns:
        The model of the best epoch; and the history, one row an epoch: ``epoch``, ``train_loss``,
        ``validation_loss``, the watched score on the validation rows under its name, ``best`` (whether no epoch before
        was as good) and ``seconds`` since the start.
    """
    columns = Columns.from_roles(feature_roles)
    train, validation = (
        read_fold(features, feature_roles, fold, feature_columns(feature_roles)) for fold in ("train", "validation")
    )
    settings = parameters.model_dump(exclude={"checkpoints"})
    config = TrainConfig(**settings, budget_seconds=client.budgets.train_seconds)
    folder = Path(parameters.checkpoints, client.id, "training") if parameters.checkpoints else None
    try:
        model = fit(train, validation, columns, config, epoch_listener, folder=folder)
    finally:
        epoch_listener.close()
    _tell(model)
    return model, _history(model)


def predict_holdout(
    candidate: TabularModel, features: IbisTable, feature_roles: dict[str, Any], parameters: TrainParameters
) -> ArrowTable:
    """Fit the baselines on the training rows, and predict the test rows with all three.

    Returns:
        One row a test row, in the order of the key: key, segment and protected columns, ``label``, and the predictions
        ``network``, ``boosting`` and ``majority``: the probability of 1, a list of class probabilities, or the value.
        For a regression, ``majority`` is the mean.

    Raises:
        DataError: a column of the features has the name of one of those.
    """
    import pyarrow as pa

    from workbench.learning import baselines

    kept = list(
        dict.fromkeys([*feature_roles["key"], *feature_roles["segments"], *feature_roles["protected"]]),
    )
    for name in kept:
        if name in PREDICTED:
            raise DataError(f"column '{name}' has the name of a prediction", hint="rename it in the recipe")
    needed = feature_columns(feature_roles)
    train, validation = (read_fold(features, feature_roles, fold, needed) for fold in ("train", "validation"))
    test = read_fold(features, feature_roles, "test", [*kept, *needed])
    models = {
        "network": candidate,
        "boosting": baselines.boosting(train, validation, candidate.columns, seed=parameters.seed),
        "majority": baselines.majority(train, candidate.columns),
    }
    predictions = {name: _column(model.predict(test)) for name, model in models.items()}
    return pa.table({**{name: test[name] for name in kept}, "label": test[candidate.columns.target], **predictions})


def _column(predicted: Any) -> Any:
    """Predictions as an Arrow array; class probabilities as lists of one length."""
    import pyarrow as pa

    if predicted.ndim == 1:
        return pa.array(predicted)
    return pa.FixedSizeListArray.from_arrays(pa.array(predicted.ravel()), predicted.shape[1])


def _history(model: TabularModel) -> ArrowTable:
    import pyarrow as pa

    rows = [
        {
            "epoch": report.epoch,
            "train_loss": report.train_loss,
            "validation_loss": report.validation_loss,
            report.metric: report.value,
            "best": report.best,
            "seconds": round(report.seconds, 3),
        }
        for report in model.history
    ]
    return pa.Table.from_pylist(rows)


def _tell(model: TabularModel) -> None:
    last, best = model.history[-1], min(model.history, key=lambda report: report.validation_loss)
    _LOG.info(
        "network of %s weights on %s: epoch %d of %d was best (validation loss %.4f%s), stopped by %s after %.0f s",
        f"{model.weights:,}",
        model.device.type,
        best.epoch,
        last.epoch,
        best.validation_loss,
        "" if best.value is None else f", {best.metric} {best.value:.4f}",
        last.stopped,
        last.seconds,
    )
    if last.stopped == "budget":
        _LOG.warning("the budget of the client, budgets.train_seconds, ended the training early")
