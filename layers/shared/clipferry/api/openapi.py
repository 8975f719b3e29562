"""The contract as OpenAPI 3.1. `make openapi` writes the document; what generates it isn't part of the layer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def document() -> str:
    """The document as JSON."""
    return Path(__file__).parents[1].joinpath("openapi.json").read_text(encoding="utf-8")


def allowed_methods(path: str) -> tuple[str, ...]:
    """The methods of a path of the contract, HEAD wherever there is GET; none for a path that isn't in it."""
    segments = path.split("/")
    return next((methods for route, methods in _routes() if _matches(route, segments)), ())


@cache
def _routes() -> list[tuple[list[str], tuple[str, ...]]]:
    """Each path's segments and methods; paths without a parameter come first, as in API Gateway."""
    paths = json.loads(document())["paths"]
    literal_first = sorted(paths, key=lambda path: "{" in path)
    return [(path.split("/"), _methods(paths[path])) for path in literal_first]


def _methods(operations: Iterable[str]) -> tuple[str, ...]:
    written = tuple(method.upper() for method in operations)
    return (*written, "HEAD") if "GET" in written else written


def _matches(route: list[str], segments: list[str]) -> bool:
    """`{…}` stands for any one segment that isn't empty."""
    return len(route) == len(segments) and all(
        name == segment or (name.startswith("{") and segment != "")
        for name, segment in zip(route, segments, strict=True)
    )
