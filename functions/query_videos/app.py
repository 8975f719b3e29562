"""GET and DELETE /api/v1/video/…: users' videos. Also the health route, and every route that doesn't exist."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.api import app as http
from clipferry.api import openapi, parameters, responses
from clipferry.observability import logger
from clipferry.usecases import query_videos
from clipferry.usecases.check_health import check_health
from clipferry.usecases.delete_video import delete_video

app = http.build_app(openapi.allowed_methods)


@app.get("/api/v1/video/list")
def list_videos() -> Response[str]:
    needs = runtime.dependencies()
    query = http.query(app.current_event)
    page = query_videos.list_videos(
        credential=http.credential(app.current_event, needs.auth_rules),
        database=needs.database,
        limit=parameters.page_limit(query.get("limit")),
        cursor=query.get("cursor"),
        status=parameters.status_filter(query.get("status")),
    )
    return http.reply(HTTPStatus.OK, responses.page(page))


@app.get("/api/v1/video/<uuid>/status")
def status(uuid: str) -> Response[str]:
    needs = runtime.dependencies()
    credential = http.credential(app.current_event, needs.auth_rules)
    video = query_videos.get_status(
        parameters.video_uuid(uuid),
        credential=credential,
        database=needs.database,
        providers=needs.providers,
        queue=needs.mirror_queue,
        polling=needs.polling,
    )
    return http.reply(HTTPStatus.OK, responses.status(video))


@app.get("/api/v1/video/<uuid>")
def detail(uuid: str) -> Response[str]:
    needs = runtime.dependencies()
    credential = http.credential(app.current_event, needs.auth_rules)
    video = query_videos.get_video(parameters.video_uuid(uuid), credential=credential, database=needs.database)
    return http.reply(HTTPStatus.OK, responses.video(video))


@app.delete("/api/v1/video/<uuid>")
def delete(uuid: str) -> Response[str]:
    needs = runtime.dependencies()
    credential = http.credential(app.current_event, needs.auth_rules)
    delete_video(parameters.video_uuid(uuid), credential=credential, database=needs.database)
    return http.reply(HTTPStatus.OK, {"deleted": True})


@app.get("/api/v1/health")
def health() -> Response[str]:
    report = check_health(lambda: runtime.dependencies().database)
    return http.reply(HTTPStatus.OK, report)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
