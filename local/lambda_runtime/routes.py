"""Which route a request takes, by API Gateway's rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

DEFAULT_PATH = "$default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of an HTTP API; `function` is the logical id of the function behind it."""

    method: str
    """Upper case, or ANY."""
    path: str
    """With `{name}` for a segment, or `$default`."""
    function: str

    @property
    def key(self) -> str:
        """API Gateway's name for it: `GET /videos/{uuid}`, or `$default`."""
        return DEFAULT_PATH if self.path == DEFAULT_PATH else f"{self.method} {self.path}"

    def takes(self, method: str, path: str) -> bool:
        """Whether the request is for this route. `path` is percent-encoded."""
        return self.method in {method, "ANY"} and path_parameters(self.path, path) is not None

    @property
    def rank(self) -> tuple[bool, list[bool], bool]:
        """The least is the most specific route's: a literal before `{name}`, a method before ANY, `$default` last."""
        segments = [segment.startswith("{") for segment in self.path.split("/")]
        return self.path == DEFAULT_PATH, segments, self.method == "ANY"


def find(routes: Iterable[Route], method: str, path: str) -> Route | None:
    """The most specific route that takes this request."""
    return min((route for route in routes if route.takes(method, path)), key=lambda route: route.rank, default=None)


def path_parameters(template: str, path: str) -> dict[str, str] | None:
    """The decoded parameters of a percent-encoded path that fits `template`; None when it doesn't fit."""
    if template == DEFAULT_PATH:
        return {}
    expected, found = template.split("/"), [unquote(segment) for segment in path.split("/")]
    if len(expected) != len(found):
        return None
    parameters: dict[str, str] = {}
    for segment, given in zip(expected, found, strict=True):
        if segment.startswith("{") and given:
            parameters[segment[1:-1]] = given
        elif segment != given:
            return None
    return parameters
