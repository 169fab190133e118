"""The sections of the template ``model_card``, each a function from the data to a piece of HTML."""

from __future__ import annotations

from workbench.reports.model_card.calibration import calibration
from workbench.reports.model_card.data import excluded_columns, fold_table, samples
from workbench.reports.model_card.decision import decision
from workbench.reports.model_card.errors import error_charts
from workbench.reports.model_card.groups import group_charts, group_reading
from workbench.reports.model_card.limits import limits
from workbench.reports.model_card.lineage import how_to_reproduce, lineage_facts
from workbench.reports.model_card.next_steps import next_steps
from workbench.reports.model_card.quality import comparison, metric_table
from workbench.reports.model_card.summary import lead, overview

__all__ = [
    "calibration",
    "comparison",
    "decision",
    "error_charts",
    "excluded_columns",
    "fold_table",
    "group_charts",
    "group_reading",
    "how_to_reproduce",
    "lead",
    "limits",
    "lineage_facts",
    "metric_table",
    "next_steps",
    "overview",
    "samples",
]
