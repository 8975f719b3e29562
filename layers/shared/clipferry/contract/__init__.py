"""The HTTP contract in the original's field names: what the routes take, what they answer, and both as OpenAPI."""
