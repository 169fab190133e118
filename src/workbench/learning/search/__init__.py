"""A search for the network's settings: ``space.py`` says among which, ``study.py`` how, ``journal.py`` keeps it."""

from __future__ import annotations

from workbench.learning.search.study import Search, TrialReport, search

__all__ = ["Search", "TrialReport", "search"]
