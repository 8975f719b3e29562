"""Describes the routes of credits, API keys, uploads, models and the user."""

from __future__ import annotations

from typing import Any

from cli.openapi.operations import operation
from cli.openapi.parameters import ACCEPT_LANGUAGE, DATABASE, HISTORY_CURSOR, KEY_ID, LIMIT, OFFSET, READ, TYPE, WRITE
from clipferry import errors


def paths() -> dict[str, Any]:
    return _credit_paths() | _key_paths() | _other_paths()


def _credit_paths() -> dict[str, Any]:
    balance = operation("getBalance", "Get your credit balance", "BalanceJson", READ)
    history = operation(
        "listTransactions",
        "List your credit transactions, newest first",
        "HistoryJson",
        (*READ, errors.InvalidRequestError),
        parameters=[LIMIT, OFFSET, HISTORY_CURSOR, TYPE],
    )
    grant = operation(
        "grantCredits",
        "Give a user credits, once for each order number; for admins",
        "GrantedJson",
        (*WRITE, errors.InvalidRequestError, errors.NotFoundError, errors.OrderNumberTakenError),
        body="GrantCredits",
    )
    return {
        "/api/v1/credit/balance": {"get": balance},
        "/api/v1/credit/history": {"get": history},
        "/api/v1/credit/grant": {"post": grant},
    }


def _key_paths() -> dict[str, Any]:
    """The routes that take a session, and no key."""
    listing = operation("listKeys", "List your API keys", "KeysJson", READ)
    create = operation(
        "createKey",
        "Make an API key; it is shown this once",
        "CreatedKeyJson",
        (*WRITE, errors.InvalidRequestError, errors.TooManyKeysError),
        status=201,
        body="CreateKey",
    )
    revoke = operation(
        "revokeKey",
        "Revoke an API key: it is refused from now on",
        "DeletedJson",
        (*WRITE, errors.NotFoundError),
        parameters=[KEY_ID],
    )
    return {
        "/api/v1/key": {"get": listing, "post": create},
        "/api/v1/key/{id}": {"delete": revoke},
    }


def _other_paths() -> dict[str, Any]:
    presign = operation(
        "presignUpload",
        "Get a URL to upload one image, video or sound to, by PUT",
        "UploadJson",
        (*WRITE, errors.InvalidRequestError, errors.RateLimitedError, errors.StorageError),
        body="PresignUpload",
    )
    models = operation(
        "listModels", "List the models on offer", ["ModelJson"], (), parameters=[ACCEPT_LANGUAGE], public=True
    )
    me = operation("getMe", "Get the user who is signed in", "UserJson", (errors.UnauthorizedError, *DATABASE))
    secret = operation(
        "getWebhookSecret",
        "Get the secret with which webhooks to your own addresses are signed",
        "WebhookSecretJson",
        (*READ, errors.NotFoundError),
    )
    health = operation(
        "getHealth", "Check the health of the API and of what it depends on", "HealthJson", DATABASE, public=True
    )
    document = {
        "operationId": "getOpenApi",
        "summary": "Get this document",
        "security": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    }
    return {
        "/api/v1/upload/presign": {"post": presign},
        "/api/v1/config/models": {"get": models},
        "/api/v1/user/me": {"get": me},
        "/api/v1/webhook/secret": {"get": secret},
        "/api/v1/health": {"get": health},
        "/api/v1/openapi.json": {"get": document},
    }
