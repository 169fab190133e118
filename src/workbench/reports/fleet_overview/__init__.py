"""The page ``fleet_overview``: all clients side by side, for the operator; no client ever gets it.

``fleet_numbers`` makes its numbers from the rows of the ledger and what each client's last runs left; the others are
its sections.
"""

from __future__ import annotations

from workbench.reports.fleet_overview.numbers import fleet_numbers
from workbench.reports.fleet_overview.sections import client_table, lead, next_steps, outlier_table, overview

__all__ = ["client_table", "fleet_numbers", "lead", "next_steps", "outlier_table", "overview"]
