"""Ratios against the peers, each measured in one run: ``python -m benchmarks`` or ``python -m benchmarks.<name>``."""

import os

# Where a machine sets this, a process compiles each module that it imports. It would make whoever starts processes
# anew, as the peers of reports and fleets do, several times slower than they are.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
