"""How far new rows are from those that a model learned from; the report ``drift`` and ``monitor`` both measure by it.

::

    distances.py   stability index, Jensen-Shannon, Wasserstein, and what chance alone gives
    counting.py    the counts that they are made of, by the engine
    reference.py   the same counts of one table, kept after its rows have changed
    measure.py     a column's distances, and whether it is stable, to be watched, or has drifted
    rounding.py    six digits that do not depend on the number of threads
"""
