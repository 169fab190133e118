"""A client from one engine to another: its tables are copied and compared, then client.yml is switched; the old stays.

Every step is written down before it is taken (:mod:`workbench.moving.journal`) and can be taken again: who is killed
gives the same command again, or goes back.
"""

from __future__ import annotations

from workbench.moving.journal import Journal, TableRecord
from workbench.moving.move import finish, go_back, move, plan

__all__ = ["Journal", "TableRecord", "finish", "go_back", "move", "plan"]
