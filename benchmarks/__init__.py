"""Benchmarks: what Clipferry costs in time and money. They aren't shipped, and no test runs them."""
