"""Many small tables that are learned from at once, on one device.

A small network on a small batch leaves a GPU idle: what takes time is to launch its work. Here networks of one
architecture lie side by side, so that a step of all of them is as many launches as a step of one.

::

    fit.py      from tables to models: group by architecture, train each group, calibrate each model
    layout.py   tables have different columns: where those of one lie among those of the widest
    stack.py    weights of networks as rows of a matrix; forwards with torch.vmap
    rows.py     AdamW, clipping and the running mean of weights, a row each
    loop.py     epochs: each table its own order, its own validation, its own end

What a table learns is what it would learn alone: the same first weights, the same batches in the same order, the same
steps, the same rule when to stop. Only dropout and hidden categories draw from a generator that all share.
"""

from __future__ import annotations

from workbench.learning.many.fit import Job, fit_many

__all__ = ["Job", "fit_many"]
