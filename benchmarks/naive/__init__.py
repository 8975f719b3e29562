"""The same functions as tutorials write them: every client, tracer and validating router made at import."""
