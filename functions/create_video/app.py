"""POST /api/v1/video/generate and …/retry: a user asks for a video, or for its file once more."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import api, runtime
from clipferry.contract import answers, orders, parameters
from clipferry.observability import logger
from clipferry.usecases.create_video import create_video
from clipferry.usecases.retry_video import retry_video

app = api.build_app()


@app.post("/api/v1/video/generate")
def generate() -> Response[str]:
    event = app.current_event
    credential = api.credential(event, runtime.auth_rules())
    key = api.idempotency_key(event)
    request = orders.video_request(event, runtime.catalog(), allow_loopback=runtime.settings().allow_loopback)
    created = create_video(
        request,
        credential=credential,
        idempotency_key=key,
        database=runtime.database(),
        providers=runtime.providers(),
        preferred_provider=runtime.settings().default_ai_provider,
        submit=runtime.submit(api.own_callback_base(event)),
        max_concurrent=runtime.settings().video_max_concurrent,
        rate_limit_per_minute=runtime.settings().rate_limit_per_minute,
        timing=runtime.timing(),
    )
    return api.reply(HTTPStatus.ACCEPTED, answers.created(created), headers=answers.replay_headers(created))


@app.post("/api/v1/video/<uuid>/retry")
def retry(uuid: str) -> Response[str]:
    credential = api.credential(app.current_event, runtime.auth_rules())
    video = retry_video(
        parameters.video_uuid(uuid),
        credential=credential,
        database=runtime.database(),
        retry=runtime.retry(),
        max_concurrent=runtime.settings().video_max_concurrent,
        rate_limit_per_minute=runtime.settings().rate_limit_per_minute,
    )
    return api.reply(HTTPStatus.ACCEPTED, answers.retried(video))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
