"""Parameters of the contract's routes, and the errors that every read and every write may answer."""

from __future__ import annotations

from typing import Final

from cli.openapi import examples, schemas
from clipferry import errors
from clipferry.api import requests
from clipferry.models import TRANSACTION_TYPES, FileVariant, VideoStatus

UUID: Final = {
    "name": "uuid",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "example": examples.UUID,
}
LIMIT: Final = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
}
OFFSET: Final = {
    "name": "offset",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0},
}
CURSOR: Final = {
    "name": "cursor",
    "in": "query",
    "description": "The `nextCursor` of the page before.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$"},
}
HISTORY_CURSOR: Final = {
    "name": "cursor",
    "in": "query",
    "description": "The `nextCursor` of the page before; it goes before `offset`.",
    "schema": {"type": "string", "pattern": "^([0-9]{1,6}|1000000)?$"},
}
VARIANT: Final = {"name": "variant", "in": "query", "schema": {"enum": list(FileVariant), "default": "video"}}
DOWNLOAD: Final = {
    "name": "download",
    "in": "query",
    "description": "1: a browser saves the file.",
    "schema": {"enum": ["0", "1"], "default": "0"},
}
STATUS: Final = {"name": "status", "in": "query", "schema": {"enum": list(VideoStatus)}}
METADATA: Final = {
    "name": "metadata",
    "in": "query",
    "description": "Videos whose metadata have this pair: `metadata[name]=value`.",
    "style": "deepObject",
    "explode": True,
    "schema": schemas.metadata(1),
    "example": {"order": "42"},
}
TYPE: Final = {"name": "type", "in": "query", "schema": {"enum": list(TRANSACTION_TYPES)}}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat harmless for 24 hours: the same key and body give the same answer.",
    "schema": {"type": "string", "pattern": requests.IDEMPOTENCY_KEY},
}

ACCEPT_LANGUAGE: Final = {
    "name": "Accept-Language",
    "in": "header",
    "description": "Which language the models are described in, as far as the catalogue has it.",
    "schema": {"type": "string"},
    "example": "zh-CN,zh;q=0.9,en;q=0.8",
}

DATABASE: Final = (errors.DatabaseUnavailableError, errors.DatabaseBusyError)
READ: Final = (errors.UnauthorizedError, errors.KeyNotAllowedError, *DATABASE)
WRITE: Final = (errors.ForbiddenError, *READ)
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
KEY_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    "example": 7,
}
