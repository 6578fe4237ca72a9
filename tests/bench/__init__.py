"""Benchmarks: ratios measured in one run; run by hand, not by `make test`."""
