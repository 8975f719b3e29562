"""Credits, uploads, models, the user, and the contract itself as OpenAPI."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import api, runtime
from clipferry.contract import answers, bodies, parameters, published
from clipferry.observability import logger
from clipferry.usecases import move_credits, read_credits, read_user
from clipferry.usecases.presign_upload import presign_upload

app = api.build_app()


@app.get("/api/v1/credit/balance")
def balance() -> Response[str]:
    credential = api.credential(app.current_event, runtime.auth_rules())
    found = read_credits.get_balance(credential=credential, database=runtime.database())
    return api.reply(HTTPStatus.OK, answers.balance(found))


@app.get("/api/v1/credit/history")
def history() -> Response[str]:
    query = api.query(app.current_event)
    rows, total = read_credits.get_history(
        credential=api.credential(app.current_event, runtime.auth_rules()),
        database=runtime.database(),
        limit=parameters.page_limit(query.get("limit")),
        offset=parameters.page_offset(query.get("offset")),
        trans_type=parameters.transaction_type(query.get("type")),
    )
    return api.reply(HTTPStatus.OK, answers.history(rows, total))


@app.post("/api/v1/credit/grant")
def grant() -> Response[str]:
    credential = api.credential(app.current_event, runtime.auth_rules())
    read_user.require_admin(credential=credential, database=runtime.database())
    body = api.parse(app.current_event, bodies.GrantCredits)
    granted = move_credits.grant(
        user_id=body.userId,
        amount=body.credits,
        order_no=body.orderNo,
        trans_type=body.transType,
        expires_in_days=body.expiresInDays,
        remark=body.remark,
        database=runtime.database(),
    )
    return api.reply(HTTPStatus.OK, {"granted": granted, "orderNo": body.orderNo})


@app.post("/api/v1/upload/presign")
def presign() -> Response[str]:
    credential = api.credential(app.current_event, runtime.auth_rules())
    body = api.parse(app.current_event, bodies.PresignUpload)
    user = read_user.read_user(credential=credential, database=runtime.database())
    signed = presign_upload(
        user_id=user.id,
        content_type=body.contentType,
        content_length=body.contentLength,
        length_required=runtime.settings().upload_length_required,
        storage=runtime.storage(),
    )
    return api.reply(HTTPStatus.OK, answers.upload(signed))


@app.get("/api/v1/config/models")
def models() -> Response[str]:
    return api.reply(HTTPStatus.OK, answers.models(runtime.catalog()))


@app.get("/api/v1/user/me")
def me() -> Response[str]:
    credential = api.credential(app.current_event, runtime.auth_rules())
    return api.reply(
        HTTPStatus.OK, answers.user(read_user.read_user(credential=credential, database=runtime.database()))
    )


@app.get("/api/v1/openapi.json")
def openapi() -> Response[str]:
    return api.document(published.document())


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
