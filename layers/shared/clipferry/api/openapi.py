"""The contract as everybody can read it: `make openapi` wrote it, whose machinery is not part of the layer."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path


@cache
def document() -> str:
    """OpenAPI 3.1, as JSON."""
    return Path(__file__).parents[1].joinpath("openapi.json").read_text(encoding="utf-8")


def allowed_methods(path: str) -> tuple[str, ...]:
    """The methods of an address of the contract; none for one that there isn't."""
    return next((methods for shape, methods in _addresses() if shape.fullmatch(path)), ())


@cache
def _addresses() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Literal addresses before those with a parameter, as API Gateway picks them."""
    paths = json.loads(document())["paths"]
    return tuple(
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), tuple(method.upper() for method in paths[path]))
        for path in sorted(paths, key=lambda path: "{" in path)
    )
