"""The sections of the template ``data_quality``, each a function from the summary of ``ingest`` to a piece of HTML."""

from __future__ import annotations

from workbench.reports.data_quality.columns import column_tables, freshness, missing
from workbench.reports.data_quality.next_steps import next_steps
from workbench.reports.data_quality.tables import refused, sources, table_overview
from workbench.reports.data_quality.totals import lead, overview

__all__ = [
    "column_tables",
    "freshness",
    "lead",
    "missing",
    "next_steps",
    "overview",
    "refused",
    "sources",
    "table_overview",
]
