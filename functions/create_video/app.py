"""POST /api/v1/video/generate, /v1/videos, …/retry and …/cancel: a user asks for a video, for its file or its end."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from clipferry import runtime
from clipferry.api import parameters, requests, responses
from clipferry.api.app import build_app, reply, reply_plain
from clipferry.api.generate_body import GenerateVideo
from clipferry.api.generate_request import order_request
from clipferry.api.sdk import answers, create_request
from clipferry.api.sign_in_first import sign_in_first
from clipferry.models import Credential, Scope
from clipferry.usecases.cancel_video import cancel_video
from clipferry.usecases.create_video import CreatedVideo, VideoRequest, create_video, may_name_webhook
from clipferry.usecases.query_videos import get_video
from clipferry.usecases.retry_video import retry_video
from clipferry.usecases.store_picture import store_picture

app = build_app()


@app.post("/api/v1/video/generate")
def generate() -> Response[str]:
    dependencies = runtime.dependencies()
    event = app.current_event
    credential = requests.credential(event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    with sign_in_first(credential, dependencies.database):
        key = requests.idempotency_key(event)
        request = order_request(
            requests.parse_body(event, GenerateVideo),
            dependencies.catalog,
            allow_loopback=dependencies.settings.allow_loopback,
            may_name_webhook=may_name_webhook(credential, dependencies.settings.webhook_secrets),
        )
    created = _create(request, credential, key)
    return reply(HTTPStatus.ACCEPTED, responses.created(created), headers=responses.replay_headers(created))


@app.post("/v1/videos")
def create() -> Response[str]:
    dependencies = runtime.dependencies()
    event, database = app.current_event, dependencies.database
    credential = requests.credential(event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    with sign_in_first(credential, database):
        key = requests.idempotency_key(event)
        creation = create_request.read(event)
        request = create_request.video_request(
            creation,
            dependencies.catalog,
            picture_url=_picture_url(creation, credential),
            allow_loopback=dependencies.settings.allow_loopback,
            may_name_webhook=may_name_webhook(credential, dependencies.settings.webhook_secrets),
        )
    created = _create(request, credential, key)
    video = get_video(created.video_uuid, credential=credential, database=database)
    headers = answers.poll_headers(dependencies.polling) | responses.replay_headers(created)
    return reply_plain(HTTPStatus.OK, answers.video(video), headers=headers)


@app.post("/api/v1/video/<uuid>/retry")
def retry(uuid: str) -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    video = retry_video(
        parameters.video_uuid(uuid),
        credential=credential,
        database=dependencies.database,
        context=dependencies.advance_context,
        check_source=dependencies.check_source,
        max_concurrent=dependencies.settings.video_max_concurrent,
        rate_limit_per_minute=dependencies.settings.rate_limit_per_minute,
    )
    return reply(HTTPStatus.ACCEPTED, responses.retried(video))


@app.post("/api/v1/video/<uuid>/cancel")
def cancel(uuid: str) -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    video = cancel_video(
        parameters.video_uuid(uuid),
        credential=credential,
        database=dependencies.database,
        context=dependencies.advance_context,
    )
    return reply(HTTPStatus.ACCEPTED, responses.status(dependencies.file_links.readable(video)))


def _create(request: VideoRequest, credential: Credential, idempotency_key: str | None) -> CreatedVideo:
    dependencies = runtime.dependencies()
    return create_video(
        request,
        credential=credential,
        idempotency_key=idempotency_key,
        database=dependencies.database,
        providers=dependencies.providers,
        preferred_provider=dependencies.settings.default_ai_provider,
        sign_callback=dependencies.sign_callback(requests.callback_base_url(app.current_event)),
        max_concurrent=dependencies.settings.video_max_concurrent,
        rate_limit_per_minute=dependencies.settings.rate_limit_per_minute,
        polling=dependencies.polling,
    )


def _picture_url(creation: create_request.Creation, credential: Credential) -> str | None:
    """Where the picture that came with the request has been put. Storage is loaded for such a request only."""
    if creation.picture is None:
        return None
    dependencies = runtime.dependencies()
    return store_picture(
        creation.picture,
        field=create_request.REFERENCE,
        credential=credential,
        database=dependencies.database,
        storage=dependencies.storage,
    )


lambda_handler = runtime.http_handler(app)
