"""POST /api/v1/video/generate and …/retry: a user asks for a video, or for its file once more."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.api import app as http
from clipferry.api import generate_request, parameters, responses
from clipferry.observability import logger
from clipferry.usecases.create_video import create_video
from clipferry.usecases.retry_video import retry_video

app = http.build_app()


@app.post("/api/v1/video/generate")
def generate() -> Response[str]:
    needs = runtime.dependencies()
    event = app.current_event
    credential = http.credential(event, needs.auth_rules)
    key = http.idempotency_key(event)
    request = generate_request.video_request(event, needs.catalog, allow_loopback=needs.settings.allow_loopback)
    created = create_video(
        request,
        credential=credential,
        idempotency_key=key,
        database=needs.database,
        providers=needs.providers,
        preferred_provider=needs.settings.default_ai_provider,
        sign_callback=needs.sign_callback(http.own_callback_base(event)),
        max_concurrent=needs.settings.video_max_concurrent,
        rate_limit_per_minute=needs.settings.rate_limit_per_minute,
        polling=needs.polling,
    )
    return http.reply(HTTPStatus.ACCEPTED, responses.created(created), headers=responses.replay_headers(created))


@app.post("/api/v1/video/<uuid>/retry")
def retry(uuid: str) -> Response[str]:
    needs = runtime.dependencies()
    credential = http.credential(app.current_event, needs.auth_rules)
    video = retry_video(
        parameters.video_uuid(uuid),
        credential=credential,
        database=needs.database,
        providers=needs.providers,
        check_source=needs.check_source,
        queue=needs.mirror_queue,
        polling=needs.polling,
        max_concurrent=needs.settings.video_max_concurrent,
        rate_limit_per_minute=needs.settings.rate_limit_per_minute,
    )
    return http.reply(HTTPStatus.ACCEPTED, responses.retried(video))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
