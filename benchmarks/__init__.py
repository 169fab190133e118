"""Ratios against the peers, each measured in one run: ``python -m benchmarks`` or ``python -m benchmarks.<name>``."""
