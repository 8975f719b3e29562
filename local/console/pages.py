"""Serves the console's files, with a content security policy that allows nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.http.messages import Request, Responder, Response
from local.lambda_runtime import responses

FILES: Final = "/console/"
_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_server(*, files: str, uploads: str) -> Responder:
    """Answers `/` and what lies under `/console/`; `files` is where mirrored files are, `uploads` where images go."""
    headers = {
        "content-security-policy": _policy(files=_origin(files), uploads=_origin(uploads)),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }

    def respond(request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return responses.message(405, "Method Not Allowed")
        name = request.path.removeprefix(FILES) if request.path != "/" else "index.html"
        found = {file.name: file for file in _FOLDER.iterdir() if file.suffix in _TYPES}.get(name)
        if found is None:
            return responses.message(404, "Not Found")
        return Response(status=200, headers={**headers, "content-type": _TYPES[found.suffix]}, body=found.read_bytes())

    return respond


def _policy(*, files: str, uploads: str) -> str:
    """Trusted types without a policy: what turns text into markup or script throws."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: {files}",
            f"media-src 'self' {files}",
            f"connect-src 'self' {uploads}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
