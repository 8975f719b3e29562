"""Builds the OpenAPI 3.1 document: its frame, and the files that hold it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from cli.openapi import operations, schemas, video_requests
from cli.openapi.routes import OPERATIONS
from clipferry.api import request_bodies

ROOT: Final = Path(__file__).parents[2]

_ABOUT: Final = """\
Videos that a provider generates: copied into the owner's bucket, and paid for with credits.

Every answer is an envelope: `{"success": true, "data": …}` or `{"success": false, "error": {"code", "message",
"details"}}`; the routes under `/v1` answer as OpenAI's SDKs read it, instead. An unexpected
error is 500 `INTERNAL_ERROR` with a `requestId` in its details. What API Gateway answers by
itself (413, 429 and 503, as `{"message": …}`) can't carry the envelope. A request for a video may
have only the fields named here; elsewhere fields and query parameters that aren't named are ignored, and so is a query
parameter without a value. HEAD answers wherever GET does, without a body.
"""
_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A Better Auth session's token, or an API key (`cf_…`).",
}
_SESSION: Final = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Secure-better-auth.session_token",
    "description": "Better Auth's signed cookie; the local stage takes it without `__Secure-`, too. "
    "BETTER_AUTH_COOKIE_PREFIX renames it. A write needs an allowed `Origin`, and JSON if it has a body; "
    "else it is 403.",
}
_BODIES: Final = {
    body.__name__: body
    for body in (request_bodies.GrantCredits, request_bodies.CreateKey, request_bodies.PresignUpload)
}
_HEADINGS: Final = {
    "/api/v1/video/callback": "For providers",
    "/api/v1/video": "Videos",
    "/api/v1/upload": "Videos",
    "/api/v1/config": "Videos",
    "/api/v1/credit": "Credits",
    "/v1": "For OpenAI's SDKs",
    "/api/v1": "Account and service",
}
"""The headings that a page of the document shows the routes under, by the beginning of their paths."""


def build() -> dict[str, Any]:
    """Builds the document, with the models of the shipped catalogue."""
    answers = {known.name: known.answer for known in OPERATIONS.values() if not isinstance(known.answer, dict)}
    made, components = schemas.of_types(answers | _BODIES)
    components |= schemas.ERRORS | video_requests.components()
    paths: dict[str, dict[str, Any]] = {}
    for route, known in OPERATIONS.items():
        method, path = route.split(" ")
        heading = next(heading for beginning, heading in _HEADINGS.items() if path.startswith(beginning))
        described = operations.describe(path, known, made.get(known.name))
        paths.setdefault(path, {})[method.lower()] = described | {"tags": [heading]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clipferry",
            "version": "1",
            "summary": "Generated videos, stored in your own bucket",
            "description": _ABOUT,
        },
        "servers": [
            {"url": "/", "description": "The address that this document comes from"},
            {"url": "http://127.0.0.1:8787", "description": "The local stack of `make dev`"},
        ],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "headers": operations.HEADERS,
            "securitySchemes": {"bearer": _BEARER, "session": _SESSION},
        },
    }


def files() -> dict[Path, str]:
    """The document in two files: indented to be read, and compact to be served."""
    document = build()
    return {
        ROOT / "docs/openapi.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        ROOT / "layers/shared/clipferry/openapi.json": json.dumps(document, ensure_ascii=False, separators=(",", ":")),
    }
