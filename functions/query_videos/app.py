"""GET and DELETE /api/v1/video/… and /v1/videos: a user's videos. Also /api/v1/health, and every unknown route."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from clipferry import runtime
from clipferry.api import openapi, parameters, requests, responses
from clipferry.api.app import build_app, redirect, reply, reply_plain
from clipferry.api.sdk import answers
from clipferry.api.sign_in_first import sign_in_first
from clipferry.models import Scope, Video
from clipferry.usecases import query_videos
from clipferry.usecases.check_health import check_health
from clipferry.usecases.delete_video import delete_video

app = build_app(openapi.allowed_methods)


@app.get("/api/v1/video/list")
def list_videos() -> Response[str]:
    dependencies = runtime.dependencies()
    query = requests.query(app.current_event)
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_READ)
    with sign_in_first(credential, dependencies.database):
        page = query_videos.list_videos(
            credential=credential,
            database=dependencies.database,
            limit=parameters.page_limit(query.get("limit")),
            cursor=query.get("cursor"),
            status=parameters.status_filter(query.get("status")),
            pair=parameters.metadata_filter(query),
        )
    readable = dependencies.file_links.readable
    page = query_videos.Page([readable(video) for video in page.videos], page.next_cursor)
    return reply(HTTPStatus.OK, responses.page(page))


@app.get("/api/v1/video/events")
def events() -> Response[str]:
    """Tells an EventSource to stay away: after 204 it doesn't connect again (HTML Standard, server-sent events)."""
    return Response(HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})


@app.get("/api/v1/video/<uuid>/status")
def status(uuid: str) -> Response[str]:
    return reply(HTTPStatus.OK, responses.status(runtime.dependencies().file_links.readable(_refreshed(uuid))))


@app.get("/api/v1/video/<uuid>/content")
@app.get("/v1/videos/<uuid>/content")
def content(uuid: str) -> Response[str]:
    dependencies = runtime.dependencies()
    query = requests.query(app.current_event)
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_READ)
    with sign_in_first(credential, dependencies.database):
        variant = parameters.file_variant(query.get("variant"))
        is_download = parameters.flag("download", query.get("download"))
    address = query_videos.get_file(
        parameters.video_uuid(uuid),
        variant,
        is_download=is_download,
        credential=credential,
        database=dependencies.database,
        links=dependencies.file_links,
    )
    return redirect(address)


@app.get("/api/v1/video/<uuid>")
def detail(uuid: str) -> Response[str]:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_READ)
    video = query_videos.get_video(parameters.video_uuid(uuid), credential=credential, database=dependencies.database)
    return reply(HTTPStatus.OK, responses.video_detail(dependencies.file_links.readable(video)))


@app.delete("/api/v1/video/<uuid>")
def delete(uuid: str) -> Response[str]:
    _delete(uuid)
    return reply(HTTPStatus.OK, {"deleted": True})


@app.get("/v1/videos")
def list_after() -> Response[str]:
    dependencies = runtime.dependencies()
    query = requests.query(app.current_event)
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_READ)
    with sign_in_first(credential, dependencies.database):
        page = query_videos.list_after(
            credential=credential,
            database=dependencies.database,
            after=parameters.after(query.get("after")),
            oldest_first=parameters.is_ascending(query.get("order")),
            limit=parameters.page_limit(query.get("limit")),
        )
    return reply_plain(HTTPStatus.OK, answers.page(page))


@app.get("/v1/videos/<uuid>")
def retrieve(uuid: str) -> Response[str]:
    video = _refreshed(uuid)
    return reply_plain(
        HTTPStatus.OK, answers.video(video), headers=answers.poll_headers(runtime.dependencies().polling)
    )


@app.delete("/v1/videos/<uuid>")
def remove(uuid: str) -> Response[str]:
    _delete(uuid)
    return reply_plain(HTTPStatus.OK, answers.deleted(uuid))


@app.get("/api/v1/health")
def health() -> Response[str]:
    report = check_health(runtime.dependencies().database)
    return reply(HTTPStatus.OK, report)


def _refreshed(uuid: str) -> Video:
    """The caller's video, whose provider was asked if its status was old."""
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_READ)
    return query_videos.get_status(
        parameters.video_uuid(uuid),
        credential=credential,
        database=dependencies.database,
        context=dependencies.advance_context,
    )


def _delete(uuid: str) -> None:
    dependencies = runtime.dependencies()
    credential = requests.credential(app.current_event, dependencies.auth_rules, Scope.VIDEOS_WRITE)
    delete_video(parameters.video_uuid(uuid), credential=credential, database=dependencies.database)


lambda_handler = runtime.http_handler(app)
