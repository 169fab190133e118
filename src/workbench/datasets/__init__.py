"""Kedro datasets: every save is durable (see :mod:`workbench.files`), every table loads as a lazy Ibis expression."""

from __future__ import annotations

from workbench.datasets.champion import Champion
from workbench.datasets.clients import ClientRecord, ClientSchema
from workbench.datasets.engine_tables import FeatureTable, PrimaryTable, RawTables
from workbench.datasets.language import TunedModelFolder
from workbench.datasets.models import EpochListener, ModelFolder
from workbench.datasets.numbers import LastNumbers, ReportNumbers
from workbench.datasets.prediction_log import PredictionLog
from workbench.datasets.project import ClientFiles, JsonLines, ProjectFiles
from workbench.datasets.records import CsvTable, JsonRecord, TextFile
from workbench.datasets.sources import SourceTables, StagedTables
from workbench.datasets.tables import ParquetTable, TableFolder
from workbench.datasets.watching import Clock, LastVerdict, Promise, RetrainMark

__all__ = [
    "Champion",
    "ClientFiles",
    "ClientRecord",
    "ClientSchema",
    "Clock",
    "CsvTable",
    "EpochListener",
    "FeatureTable",
    "JsonLines",
    "JsonRecord",
    "LastNumbers",
    "LastVerdict",
    "ModelFolder",
    "ParquetTable",
    "PredictionLog",
    "PrimaryTable",
    "ProjectFiles",
    "Promise",
    "RawTables",
    "ReportNumbers",
    "RetrainMark",
    "SourceTables",
    "StagedTables",
    "TableFolder",
    "TextFile",
    "TunedModelFolder",
]
