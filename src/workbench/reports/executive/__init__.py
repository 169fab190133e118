"""The page ``executive``: what a client's manager reads in a minute, in no technical word.

``facts_of`` and ``checks_of`` make its numbers; the others are its sections.
"""

from __future__ import annotations

from workbench.reports.executive.health import checks_of
from workbench.reports.executive.numbers import facts_of
from workbench.reports.executive.sections import health, lead, next_steps, overview

__all__ = ["checks_of", "facts_of", "health", "lead", "next_steps", "overview"]
