"""What the benchmarks measure against: the same work in hand-written SQL and in pandas."""
