"""Models of tables: from an Arrow table to a trained model that can be saved, checked and asked.

::

    columns.py, config.py   what is predicted from what, and how long it may take
    encoding/               Arrow columns → the three matrices that a network reads; fitted on training rows only
    networks/               the architectures, chosen by name from an allow-list
    trainer.py              from two tables to a network; loop.py: epochs, early stopping, budget; steps.py: a step
    checkpoint.py           a training that was killed goes on; compiling.py, repaying.py: whether its step is compiled
    streaming/              tables that memory does not hold, read from their Parquet file in every epoch
    many/                   many small tables at once, on one device
    boosting/, linear.py    the other kinds of models
    candidates.py           several of them under one budget; ensemble.py: their weighted mean
    search/                 a search for the network's settings
    calibration.py          temperature and conformal intervals, from validation rows
    model.py, storage.py    the trained model; safetensors, JSON and a sha256 manifest, never a pickle
    frames.py               pandas, Polars and Arrow in, the same kind out
    metrics/                scores with intervals, calibration, groups
    baselines.py            what every model has to be better than
    importance.py           what a column is worth
    devices.py, threads.py  where a network runs, and with how many threads

Nothing here knows Kedro or MLflow: with torch, numpy, pyarrow and scikit-learn it runs on a bare GPU machine. Importing
this package imports none of those either.
"""

from __future__ import annotations

import os

from workbench.learning.columns import Columns
from workbench.learning.config import EpochListener, EpochReport, TrainConfig
from workbench.learning.model import TabularModel
from workbench.learning.trainer import fit

__all__ = ["Columns", "EpochListener", "EpochReport", "TabularModel", "TrainConfig", "fit"]

# OpenMP reads these when torch or scikit-learn is loaded, which is later. By default its idle threads spin for
# milliseconds: on two cores shared by several processes, a training step took ten times as long, and the time was taken
# from the others. Threads that sleep at once have the system wake them some hundred times a step, which in a virtual
# machine is half of the time, and more. So they spin for a tenth of a millisecond, then sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if os.environ["OMP_WAIT_POLICY"].upper() == "PASSIVE":
    # libgomp's own: rounds, before it does what the policy says (gcc.gnu.org/onlinedocs/libgomp, "GOMP_SPINCOUNT").
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
