"""The page of the OpenAPI document at `/docs`: Swagger UI, from a package of PyPI. Nothing of it is deployed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from local.http.messages import Request, Response
from local.lambda_runtime import responses
from local.lambda_runtime.gateway import Gateway

PAGE: Final = "/docs"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
}
_OF_SWAGGER_UI: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_OURS: Final = ("index.html", "start.js")
_HEADERS: Final = {
    # Swagger UI draws icons from data URLs and writes some of its styles itself. Nothing comes from elsewhere.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def mount(gateway: Gateway) -> None:
    """Serves the page at `/docs`, and its files under it."""
    gateway.mount(PAGE, _respond)
    gateway.mount(f"{PAGE}/", _respond)


def _respond(request: Request) -> Response:
    if request.method not in {"GET", "HEAD"}:
        return responses.message(405, "Method Not Allowed")
    name = request.path.removeprefix(PAGE).removeprefix("/") or "index.html"
    folder = _swagger_ui() if name in _OF_SWAGGER_UI else Path(__file__).parent if name in _OURS else None
    if folder is None:
        return responses.message(404, "Not Found")
    content = (folder / name).read_bytes()
    return Response(status=200, headers={**_HEADERS, "content-type": _TYPES[Path(name).suffix]}, body=content)


def _swagger_ui() -> Path:
    """The package's files, without an import of Flask."""
    found = find_spec("flask_swagger_ui")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "dist"
