"""What those who make reports, those who keep their numbers, and those who send them call the same thing.

Every notebook imports this, so it imports nothing.
"""

from __future__ import annotations

__all__ = ["ABOUT", "COMPARED", "SLOT"]

ABOUT = "about"
"""The record that says what the report was made by, when, and for which slot; no table may have its name."""

COMPARED = "compared_with"
"""The tables of the report that this one was compared with; null: it was the first. No table may have its name."""

SLOT = "WORKBENCH_SLOT"
"""Environment variable with the slot of a schedule that reports are made for: ``weekly/20261124T060000Z``."""
