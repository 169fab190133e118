"""Where a client's tables come from: one module a kind, each opening its source as a lazy Ibis table.

``open_source`` is the door. A CSV file comes as text columns, so that one bad cell is one bad row and not a failed
file; every other kind comes in its own types.
"""

from __future__ import annotations

from workbench.sources.opening import LINE, PROBLEM, OpenedTable, Opening, SourceFile, open_source

__all__ = ["LINE", "PROBLEM", "OpenedTable", "Opening", "SourceFile", "open_source"]
