"""Who did what to which client: an append-only log, each record of which holds the sha256 of the one before."""

from __future__ import annotations

from workbench.audit.entry import Entry, Fact
from workbench.audit.log import entries, erase, files, record
from workbench.audit.verify import Verdict, verify

__all__ = ["Entry", "Fact", "Verdict", "entries", "erase", "files", "record", "verify"]
