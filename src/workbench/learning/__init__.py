"""Tabular networks: from an Arrow table to a trained model that can be saved, checked and asked.

::

    columns.py, config.py   what is predicted from what, and how long it may take
    encoding/               Arrow columns → the three matrices that a network reads; fitted on training rows only
    networks/               the architectures, chosen by name from an allow-list
    trainer.py              the loop: AdamW, weight averaging, early stopping, budget
    model.py, storage.py    the trained model; safetensors, JSON and a sha256 manifest, never a pickle
    metrics/                scores with intervals, calibration, groups
    baselines.py            what a network has to be better than
    importance.py           what a column is worth

Nothing here knows Kedro or MLflow: with torch, numpy, pyarrow and scikit-learn it runs on a bare GPU machine. Importing
this package imports none of those either.
"""

from __future__ import annotations

from workbench.learning.columns import Columns
from workbench.learning.config import EpochListener, EpochReport, TrainConfig
from workbench.learning.model import TabularModel
from workbench.learning.trainer import fit

__all__ = ["Columns", "EpochListener", "EpochReport", "TabularModel", "TrainConfig", "fit"]
