"""/api/v1/credit, /key, /upload, /config, /user and /openapi.json: everything of an account but its videos."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from clipferry import runtime
from clipferry.api import key_answers, model_answers, openapi, parameters, request_bodies, requests, responses
from clipferry.api.app import build_app, reply, reply_document, reply_plain
from clipferry.api.sdk import answers
from clipferry.api.sign_in_first import sign_in_first
from clipferry.models import Scope
from clipferry.usecases import manage_keys, move_credits, read_credits, read_user
from clipferry.usecases.presign_upload import presign_upload
from clipferry.usecases.read_webhook_secret import read_webhook_secret

app = build_app()


@app.get("/api/v1/credit/balance")
def balance() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.CREDITS_READ)
    found = read_credits.get_balance(credential=credential, database=dependencies.database)
    return reply(HTTPStatus.OK, responses.balance(found))


@app.get("/api/v1/credit/history")
def history() -> Response[str]:
    dependencies = runtime.dependencies()
    query = requests.query(app.current_event)
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.CREDITS_READ)
    with sign_in_first(credential, dependencies.database):
        page = read_credits.get_history(
            credential=credential,
            database=dependencies.database,
            limit=parameters.page_limit(query.get("limit")),
            offset=parameters.history_offset(query),
            trans_type=parameters.transaction_type(query.get("type")),
        )
    return reply(HTTPStatus.OK, responses.history(page))


@app.post("/api/v1/credit/grant")
def grant() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules)
    admin = read_user.require_admin(credential=credential, database=dependencies.database)
    body = requests.parse_body(app.current_event, request_bodies.GrantCredits)
    granted = move_credits.grant(
        user_id=body.userId,
        amount=body.credits,
        order_no=body.orderNo,
        trans_type=body.transType,
        expires_in_days=body.expiresInDays,
        remark=body.remark,
        granted_by=admin.described,
        database=dependencies.database,
    )
    return reply(HTTPStatus.OK, {"granted": granted, "orderNo": body.orderNo})


@app.post("/api/v1/upload/presign")
def presign() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    with sign_in_first(credential, dependencies.database):
        body = requests.parse_body(app.current_event, request_bodies.PresignUpload)
    signed = presign_upload(
        credential=credential,
        content_type=body.contentType,
        content_length=body.contentLength,
        length_required=dependencies.settings.upload_length_required,
        database=dependencies.database,
        storage=dependencies.storage,
    )
    return reply(HTTPStatus.OK, responses.upload(signed))


@app.get("/api/v1/config/models")
def models() -> Response[str]:
    dependencies = runtime.dependencies()
    languages = parameters.languages(requests.headers(app.current_event).get("accept-language", ""))
    return reply(HTTPStatus.OK, model_answers.models(dependencies.catalog, languages))


@app.get("/api/v1/webhook/secret")
def webhook_secret() -> Response[str]:
    dependencies = runtime.dependencies()
    secret = read_webhook_secret(
        credential=requests.credential(app.current_event, dependencies.auth_rules, Scope.WEBHOOKS),
        database=dependencies.database,
        secrets=dependencies.settings.webhook_secrets,
    )
    return reply(HTTPStatus.OK, {"secret": secret})


@app.get("/v1/models")
def list_models() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules)
    read_user.read_user(credential=credential, database=dependencies.database)
    return reply_plain(HTTPStatus.OK, answers.models(dependencies.catalog))


@app.get("/api/v1/user/me")
def me() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules)
    user = read_user.read_user(credential=credential, database=dependencies.database)
    return reply(HTTPStatus.OK, responses.user(user))


@app.get("/api/v1/key")
def list_keys() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, session_only=True)
    found = manage_keys.list_own_keys(credential=credential, database=dependencies.database)
    return reply(HTTPStatus.OK, key_answers.keys(found))


@app.post("/api/v1/key")
def create_key() -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, session_only=True)
    with sign_in_first(credential, dependencies.database):
        body = requests.parse_body(app.current_event, request_bodies.CreateKey)
    record, key = manage_keys.create_own_key(
        credential=credential,
        name=body.name,
        scopes=body.scopes,
        expires_in_days=body.expiresInDays,
        monthly_credits=body.monthlyCredits,
        database=dependencies.database,
    )
    return reply(HTTPStatus.CREATED, key_answers.created_key(record, key))


@app.delete("/api/v1/key/<key_id>")
def revoke_key(key_id: str) -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, session_only=True)
    manage_keys.revoke_own_key(parameters.key_id(key_id), credential=credential, database=dependencies.database)
    return reply(HTTPStatus.OK, {"deleted": True})


@app.get("/api/v1/openapi.json")
def contract() -> Response[str]:
    return reply_document(openapi.document())


lambda_handler = runtime.http_handler(app)
