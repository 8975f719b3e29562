"""The contract as a document: `python -m cli.openapi` writes it."""
