"""GET /api/v1/video/list, …/{uuid}/status and /api/v1/credit/balance."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from pydantic import BaseModel
from shared import database, logger, metrics, tracer, user_id

LIST = """
select uuid, prompt, model, status::text as status, provider, video_url, thumbnail_url, duration, resolution,
       aspect_ratio, file_size, credits_used, created_at, completed_at
from public.videos where user_id = %(user_id)s and not is_deleted
order by created_at desc, id desc limit %(limit)s offset %(offset)s
"""
STATUS = """
select status::text as status, video_url, error_message from public.videos
where uuid = %(uuid)s and user_id = %(user_id)s and not is_deleted
"""
BALANCE = """
select coalesce(sum(credits), 0)::integer as credits from public.credit_transactions where user_id = %(user_id)s
"""

app = APIGatewayHttpResolver(enable_validation=True)


class Video(BaseModel):
    uuid: str
    prompt: str
    model: str
    status: str
    provider: str | None
    video_url: str | None
    thumbnail_url: str | None
    duration: int | None
    resolution: str | None
    aspect_ratio: str | None
    file_size: int | None
    credits_used: int
    created_at: datetime
    completed_at: datetime | None


class Page(BaseModel):
    success: bool
    data: list[Video]


class Status(BaseModel):
    status: str
    video_url: str | None
    error_message: str | None


@app.get("/api/v1/video/list")
@tracer.capture_method
def list_videos(limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0)] = 0) -> Page:
    values = {"user_id": user_id(app.current_event.headers), "limit": limit, "offset": offset}
    rows = database().execute(LIST, values).fetchall()
    return Page(success=True, data=[Video.model_validate(row) for row in rows])


@app.get("/api/v1/video/<uuid>/status")
@tracer.capture_method
def status(uuid: str) -> Status:
    values = {"user_id": user_id(app.current_event.headers), "uuid": uuid}
    return Status.model_validate(database().execute(STATUS, values).fetchone())


@app.get("/api/v1/credit/balance")
@tracer.capture_method
def balance() -> dict[str, int]:
    return database().execute(BALANCE, {"user_id": user_id(app.current_event.headers)}).fetchone()


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event, context):
    return app.resolve(event, context)
