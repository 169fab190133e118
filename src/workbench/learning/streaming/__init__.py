"""Tables that memory does not hold: read from their Parquet file again in every epoch, a part at a time.

::

    rows.py      some rows of a file: counted, sampled, read in batches, never all at once
    room.py      how much memory there is, whether a table fits into it, and how it is divided if not
    survey.py    one pass over the training rows: encoders, labels, and a sample for what cannot learn from a stream
    slots.py     two places on the device, filled by copies that overlap with the training
    table.py     the parts of an epoch, prefetched by a thread

Rows are shuffled on two levels, as in CorgiPile (Xu and others: "In-database machine learning with CorgiPile:
stochastic gradient descent without full data shuffle", SIGMOD 2022): row groups come in a random order, several of them
are read by turns, and the rows of a part are shuffled. What that costs: docs/learning.md.
"""

from __future__ import annotations

from workbench.learning.streaming.rows import ParquetRows, TableRows

__all__ = ["ParquetRows", "TableRows"]
