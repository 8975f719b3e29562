"""The HTTP edge: reads and checks requests, writes responses."""
