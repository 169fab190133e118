"""What came since the champion was trained, and what to do about it: the computation behind the pipeline ``monitor``.

::

    arrow_tables.py  a small Arrow table as one that the engine can count
    known.py         which rows a version knows: up to a moment, or by digests of their keys
    baseline.py      the training rows in counts, taken when the version is registered
    new_rows.py      drift of the rows that came since
    performance.py   the champion's metric on them, beside what the version promised
    log_files.py     the prediction log: its files, held still and counted
    log_table.py     its lines as a table on disk, checked one by one by the engine
    served.py        volume, versions and drift of what was served
    quality.py       quarantine, missing values, categories never seen, freshness
    judging.py       drift and performance, as findings
    findings.py      a measure with its threshold, and what it asks for: steady, watch or retrain
    verdict.py       all findings as one verdict
    latest.py        the last verdict of a client, for whoever shows it
"""
