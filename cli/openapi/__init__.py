"""Generates the contract as an OpenAPI document; `python -m cli.openapi` writes it."""
