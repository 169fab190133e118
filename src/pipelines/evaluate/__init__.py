"""Held-out predictions → scores with intervals, checks, calibration, groups, permutation importance."""
