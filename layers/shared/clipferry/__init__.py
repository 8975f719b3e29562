"""Clipferry: the journey of a video, the mirror, the books. Importing this package imports nothing else."""
