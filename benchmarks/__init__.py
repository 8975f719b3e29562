"""What Clipferry costs, measured: never shipped, never part of a test run."""
