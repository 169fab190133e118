"""One client as one archive: what another team needs to run it without this fleet, and the way back in."""

from __future__ import annotations
