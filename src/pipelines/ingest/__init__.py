"""Sources → 01_raw: every table is cast to the client's schema and checked; rows that do not fit go to quarantine.

Three nodes, because what fails must be there to look at: rows are checked and staged, then quarantine and summary are
written, and only then, if not too many rows were bad, the new ``raw`` takes the place of the old one.
"""
