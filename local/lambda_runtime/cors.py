"""An HTTP API's own CORS: it answers preflights that no route takes, and its headers replace those of the function."""

from __future__ import annotations

from local.sam_template.resources import Cors


def preflight_headers(cors: Cors, origin: str) -> dict[str, str]:
    """Returns the headers of a preflight's response; none for an origin that isn't allowed."""
    headers = response_headers(cors, origin)
    if not headers:
        return {}
    if cors.methods:
        headers["access-control-allow-methods"] = ",".join(cors.methods)
    if cors.headers:
        headers["access-control-allow-headers"] = ",".join(cors.headers)
    if cors.max_age_seconds is not None:
        headers["access-control-max-age"] = str(cors.max_age_seconds)
    return headers


def response_headers(cors: Cors, origin: str) -> dict[str, str]:
    """Returns the headers that every other response to `origin` gets.

    The origins are exact ones: the template's parameter and ALLOWED_ORIGINS refuse those with an asterisk.
    """
    if origin not in cors.origins:
        return {}
    headers = {"access-control-allow-origin": origin, "vary": "origin"}
    if cors.exposed:
        headers["access-control-expose-headers"] = ",".join(cors.exposed)
    if cors.credentials:
        headers["access-control-allow-credentials"] = "true"
    return headers
