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
    """With `{name}` for a segment and `{name+}` for the rest, or `$default`."""
    function: str

    @property
    def key(self) -> str:
        """API Gateway's name for it: `GET /videos/{uuid}`, or `$default`."""
        return DEFAULT_PATH if self.path == DEFAULT_PATH else f"{self.method} {self.path}"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The decoded path parameters when this route takes the request. `path` is percent-encoded."""
        if self.method not in {method, "ANY"}:
            return None
        return path_parameters(self.path, path)

    @property
    def rank(self) -> tuple[list[int], bool]:
        """Sorts the most specific first: literal, `{name}`, `{name+}`, `$default`; a method before ANY."""
        if self.path == DEFAULT_PATH:
            return [9], True
        return [_rank(segment) for segment in self.path.split("/")], self.method == "ANY"


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route that takes this request, and its path parameters."""
    for route in sorted(routes, key=lambda route: route.rank):
        parameters = route.match(method, path)
        if parameters is not None:
            return route, parameters
    return None


def path_parameters(template: str, path: str) -> dict[str, str] | None:
    """The decoded parameters of a percent-encoded path that fits `template`; None when it doesn't fit."""
    if template == DEFAULT_PATH:
        return {}
    parameters: dict[str, str] = {}
    expected, found = template.split("/"), path.split("/")
    for index, segment in enumerate(expected):
        name = segment[1:-1] if segment.startswith("{") and segment.endswith("}") else None
        if name is not None and name.endswith("+"):
            rest = "/".join(found[index:])
            return {**parameters, name[:-1]: unquote(rest)} if rest else None
        if index >= len(found):
            return None
        if name is None:
            if unquote(found[index]) != segment:
                return None
        elif not found[index]:
            return None
        else:
            parameters[name] = unquote(found[index])
    return parameters if len(expected) == len(found) else None


def _rank(segment: str) -> int:
    if segment.endswith("+}"):
        return 2
    return 1 if segment.startswith("{") else 0
