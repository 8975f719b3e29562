"""Parameters of the contract's routes, and the errors that every read and every write may answer."""

from __future__ import annotations

from typing import Any, Final

from cli.openapi import examples, video_requests
from clipferry import errors
from clipferry.api import requests
from clipferry.models import TRANSACTION_TYPES, FileVariant, VideoStatus

_ID_OR_EMPTY: Final = "^[A-Za-z0-9_-]{0,64}$"


def _parameter(place: str, name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, **more}


def _query(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _parameter("query", name, schema, **more)


IN_PATH: Final = {
    "uuid": _parameter(
        "path", "uuid", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, required=True, example=examples.UUID
    ),
    "id": _parameter("path", "id", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}, required=True, example=7),
    "provider": _parameter(
        "path", "provider", {"type": "string", "pattern": "^[a-z0-9_-]{1,32}$"}, required=True, example="evolink"
    ),
}
"""By the name that a path has in braces."""

LIMIT: Final = _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
OFFSET: Final = _query("offset", {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0})
CURSOR: Final = _query(
    "cursor", {"type": "string", "pattern": _ID_OR_EMPTY}, description="The `nextCursor` of the page before."
)
HISTORY_CURSOR: Final = _query(
    "cursor",
    {"type": "string", "pattern": "^([0-9]{1,6}|1000000)?$"},
    description="The `nextCursor` of the page before; it goes before `offset`.",
)
VARIANT: Final = _query("variant", {"enum": list(FileVariant), "default": "video"})
DOWNLOAD: Final = _query("download", {"enum": ["0", "1"], "default": "0"}, description="1: a browser saves the file.")
STATUS: Final = _query("status", {"enum": list(VideoStatus)})
METADATA: Final = _query(
    "metadata",
    video_requests.metadata(1),
    description="Videos whose metadata have this pair: `metadata[name]=value`.",
    style="deepObject",
    explode=True,
    example={"order": "42"},
)
TYPE: Final = _query("type", {"enum": list(TRANSACTION_TYPES)})
AFTER: Final = _query(
    "after", {"type": "string", "pattern": _ID_OR_EMPTY}, description="The `last_id` of the page before."
)
DIRECTION: Final = _query("order", {"enum": ["asc", "desc"], "default": "desc"})
SIGNATURE: Final = tuple(
    _query(name, {"type": "string", "minLength": 1}, required=True, description=text)
    for name, text in {
        "videoUuid": "The video.",
        "ts": "When it was signed, in milliseconds.",
        "sig": "HMAC-SHA256, hex.",
    }.items()
)
IDEMPOTENCY_KEY: Final = _parameter(
    "header",
    "Idempotency-Key",
    {"type": "string", "pattern": requests.IDEMPOTENCY_KEY},
    description="Makes a repeat harmless for 24 hours: the same key and body give the same answer.",
)
ACCEPT_LANGUAGE: Final = _parameter(
    "header",
    "Accept-Language",
    {"type": "string"},
    description="Which language the models are described in, as far as the catalogue has it.",
    example="zh-CN,zh;q=0.9,en;q=0.8",
)

DATABASE: Final = (errors.DatabaseUnavailableError, errors.DatabaseBusyError)
READ: Final = (errors.UnauthorizedError, errors.KeyNotAllowedError, *DATABASE)
WRITE: Final = (errors.ForbiddenError, *READ)
MISSING: Final = (errors.VideoNotFoundError, errors.NotFoundError)
ORDER: Final = (
    *WRITE,
    errors.InvalidRequestError,
    errors.UnknownModelError,
    errors.ModelRetiredError,
    errors.InsufficientCreditsError,
    errors.KeyCapReachedError,
    errors.IdempotencyKeyReusedError,
    errors.RateLimitedError,
    errors.TooManyJobsError,
    errors.ProviderError,
)
"""What an order may be answered with."""
