"""The same functions as in tutorials: every client, tracer and validating router is made at import."""
